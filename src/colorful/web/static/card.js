// The card of one photo in the album.
import { Problem } from "./api.js";
import { show, wire } from "./compare.js";
import { t } from "./texts.js";

const template = document.getElementById("card-template");

export class Card {
  constructor(photo, { onAdjust, onRemove, announce }) {
    this.photo = photo;
    this.announce = announce;
    this.element = document.importNode(template.content.firstElementChild, true);
    const find = (selector) => this.element.querySelector(selector);
    [this.state, this.progress, this.adjust, this.download, this.retry] =
      [".state", "progress", ".adjust", ".download", ".retry"].map(find);
    this.compare = wire(find(".compare"));
    this.frame = find(".frame");
    const { name } = this.photo;
    find(".name").textContent = name;
    find(".name").title = name;
    this.compare.slider.setAttribute("aria-label", t("compare-name", { name }));
    this.compare.slider.disabled = true;
    this.adjust.setAttribute("aria-label", t("adjust-name", { name }));
    this.download.setAttribute("aria-label", t("download-name", { name }));
    find(".remove").setAttribute("aria-label", t("remove-name", { name }));
    this.adjust.addEventListener("click", () => onAdjust(this));
    this.download.addEventListener("click", () => this.save());
    this.retry.addEventListener("click", () => this.run());
    this.removal = new AbortController();
    find(".remove").addEventListener("click", () => {
      this.removal.abort();
      this.photo.forget();
      onRemove(this);
    });
    this.options = { signal: this.removal.signal, onWait: () => this.say("waiting") };
    this.say("queued");
    if (photo.file) this.showFile();
  }

  /** Show the photo before it is sent, where the browser knows the format; it decodes only those in sight. */
  showFile() {
    const { after } = this.compare;
    after.onload = () => this.photo.info || this.fit(after.naturalWidth / after.naturalHeight);
    after.onerror = () => after.removeAttribute("src");
    after.src = after.dataset.url = URL.createObjectURL(this.photo.file);
  }

  /** Send the photo, unless the server has it, and show it in color. */
  async run() {
    this.retry.hidden = true;
    this.progress.hidden = false;
    this.progress.setAttribute("aria-label", t("uploading"));
    try {
      if (!this.photo.info) await this.send();
      const { width, height } = this.photo.info;
      this.fit(width / height);
      this.say("coloring");
      this.progress.removeAttribute("value");
      await show(this.compare.before, this.photo.before(this.side));
      this.slide(100); // as it came, until the color comes in
      await this.refresh();
      this.adjust.disabled = this.download.disabled = this.compare.slider.disabled = false;
      this.reveal();
      this.announce(`${this.photo.name}: ${t("ready")}`);
    } catch (problem) {
      this.fail(problem);
    }
    this.progress.hidden = true;
  }

  async send() {
    if (this.photo.file.size > Number(document.body.dataset.maxBytes)) throw new Problem({ code: "too-large" });
    this.say("uploading");
    const onProgress = (share) => { this.progress.value = share; };
    await this.photo.send({ ...this.options, onProgress });
  }

  /** Show the photo as it is edited now. */
  async refresh() {
    await show(this.compare.after, await this.photo.preview(this.photo.edit, this.side, this.options));
    this.compare.after.alt = t("after-name", { name: this.photo.name });
    if (!this.compare.before.getAttribute("src")) show(this.compare.before, this.photo.before(this.side));
    this.ready();
  }

  ready() {
    const { width, height } = this.photo.info;
    this.say("ready", ` · ${width} × ${height}`);
  }

  /** Pixels of the longer side that the card has room for. */
  get side() {
    return Math.min(2048, Math.ceil(Math.max(320, this.frame.clientWidth) * devicePixelRatio));
  }

  fit(ratio) {
    const wide = ratio > 4 / 3;
    Object.assign(this.compare.slider.parentElement.style, {
      aspectRatio: ratio, width: wide ? "100%" : "", height: wide ? "" : "100%",
    });
  }

  async save() {
    this.download.disabled = true;
    this.state.textContent = t("coloring");
    try {
      await this.photo.save("", this.options);
      this.ready();
    } catch (problem) {
      this.fail(problem);
    }
    this.download.disabled = false;
  }

  slide(value) {
    this.compare.slider.value = value;
    this.compare.slider.dispatchEvent(new Event("input"));
  }

  /** The color comes in from the right, once; the handle stays at the left edge. */
  reveal() {
    const { slider } = this.compare;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.slide(0);
    const start = performance.now();
    let touched = false;
    slider.addEventListener("pointerdown", () => { touched = true; }, { once: true });
    slider.addEventListener("keydown", () => { touched = true; }, { once: true });
    const step = (now) => {
      const share = Math.min(1, (now - start) / 900);
      if (touched) return;
      this.slide(Math.round(100 * (1 - share) ** 3));
      if (share < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
    return undefined;
  }

  say(state, more = "") {
    this.element.dataset.state = state;
    this.state.textContent = t(state) + more;
    this.state.classList.remove("problem");
  }

  /** Say what went wrong; a photo that is in color stays so. */
  fail(problem) {
    if (this.removal.signal.aborted) return;
    const colored = !this.adjust.disabled;
    this.element.dataset.state = colored ? "ready" : "failed";
    this.state.textContent = problem.message;
    this.state.classList.add("problem");
    this.announce(`${this.photo.name}: ${problem.message}`);
    this.retry.hidden = colored || !["busy", "offline", "internal"].includes(problem.code);
  }
}
