// The card of one photo in the album.
import { show, wire } from "./compare.js";
import { t } from "./texts.js";

const template = document.getElementById("card-template");

export class Card {
  constructor(photo, { onAdjust, onRemove, announce }) {
    this.photo = photo;
    this.announce = announce;
    this.element = document.importNode(template.content.firstElementChild, true);
    const find = (selector) => this.element.querySelector(selector);
    [this.state, this.progress, this.adjust, this.download, this.retry] = [".state", "progress", ".adjust", ".download", ".retry"].map(find);
    this.compare = wire(find(".compare"));
    this.frame = find(".frame");
    const { name } = photo;
    find(".name").textContent = find(".name").title = name;
    this.compare.slider.ariaLabel = t("compare-name", { name });
    this.compare.slider.disabled = true;
    this.adjust.ariaLabel = t("adjust-name", { name });
    this.download.ariaLabel = t("download-name", { name });
    find(".remove").ariaLabel = t("remove-name", { name });
    this.adjust.onclick = () => onAdjust(this);
    this.download.onclick = () => this.save();
    this.retry.onclick = () => this.run();
    this.removal = new AbortController();
    find(".remove").onclick = () => {
      this.removal.abort();
      photo.forget();
      onRemove(this);
    };
    this.options = { signal: this.removal.signal, onWait: (seconds) => this.say("waiting", { seconds }) };
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
    this.progress.ariaLabel = t("uploading");
    try {
      if (!this.photo.info) await this.send();
      const { width, height } = this.photo.info;
      this.fit(width / height);
      this.say("coloring");
      this.progress.removeAttribute("value");
      await show(this.compare.before, this.photo.before(this.side));
      this.slide(100); // as it came, until the color comes in from the right
      await this.refresh();
      this.adjust.disabled = this.download.disabled = this.compare.slider.disabled = false;
      this.slide(0);
      this.announce(`${this.photo.name}: ${t("ready")}`);
    } catch (problem) {
      this.fail(problem);
    }
    this.progress.hidden = true;
  }

  async send() {
    this.say("uploading");
    const onProgress = (share) => {
      this.progress.value = share;
      if (share === 1) this.say("opening");
    };
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
    // Where the browser itself reads the photo there are no warnings.
    const { width, height, animated, warnings = [] } = this.photo.info;
    this.say("ready", { size: `${width} × ${height}` });
    if (animated) this.state.append(` · ${t("first-frame")}`);
    else for (const warning of warnings) this.state.append(` · ${warning}`);
  }

  /** Pixels of the longer side that the card has room for. */
  get side() {
    return Math.min(2048, Math.ceil(Math.max(320, this.frame.clientWidth) * devicePixelRatio));
  }

  fit(ratio) {
    const wide = ratio > 4 / 3;
    Object.assign(this.compare.slider.parentElement.style, { aspectRatio: ratio, width: wide ? "100%" : "", height: wide ? "" : "100%" });
  }

  async save() {
    this.download.disabled = true;
    this.state.textContent = t("coloring");
    try {
      await this.photo.save({}, this.options);
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

  say(state, values) {
    if (state !== "waiting") this.element.dataset.state = state;
    this.state.textContent = t(state, values);
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
    this.retry.hidden = colored || !["busy", "offline", "internal", "no-room"].includes(problem.code);
  }
}
