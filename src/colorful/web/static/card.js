// The card of one photo in the album.
import { $, once, show } from "./dom.js";
import { t } from "./texts.js";

export class Card {
  constructor(photo, onAdjust, onRemove, onEnd) {
    Object.assign(this, { photo, onEnd });
    photo.removal = new AbortController();
    this.element = document.importNode($("card-template").content.firstElementChild, true);
    this.element.card = this;
    for (const part of this.element.querySelectorAll("[data-part]")) this[part.dataset.part] = part;
    this.name.textContent = this.name.title = photo.name;
    for (const one of this.element.querySelectorAll("[aria-label]")) {
      one.ariaLabel = one.ariaLabel.replace("{name}", () => photo.name);
    }
    this.adjust.onclick = () => onAdjust(this).catch((problem) => this.fail(problem));
    this.download.onclick = () => once(this.download, () => this.save());
    this.retry.onclick = () => this.run();
    this.remove.onclick = () => onRemove([this]);
    this.options = { signal: photo.removal.signal, onWait: (seconds) => this.say("waiting", { seconds }) };
    this.say("queued");
    // The photo is shown before it is sent, where the browser knows the format; it decodes only those in sight.
    const { after } = this;
    this.picture = photo.file; // what is shown
    const url = after.src = URL.createObjectURL(photo.file);
    after.onload = after.onerror = ({ type }) => {
      URL.revokeObjectURL(url);
      if (type === "error") after.removeAttribute("src");
      else if (!photo.info) this.shape(after.naturalWidth, after.naturalHeight);
    };
  }

  /** Take the card away; its photo is not kept any more. */
  leave() {
    this.photo.removal.abort();
    this.photo.onNews?.();
    this.element.remove();
  }

  /** Take over what another tab has changed; it is shown when somebody looks. */
  hear(record) {
    Object.assign(this.photo, record);
    this.photo.onNews?.();
    cancelAnimationFrame(this.soon);
    this.soon = requestAnimationFrame(() => this.run());
  }

  /** Show the photo as it is edited now, sent first unless the studio has it; what goes wrong is said on the card. */
  async run() {
    const { photo, before, after, adjust, options } = this;
    const side = Math.ceil(Math.max(320, this.frame.clientWidth) * devicePixelRatio); // that the card has room for
    const isFirst = adjust.disabled;
    const run = this.last = {}; // an answer to an earlier one may come later
    try {
      if (!photo.info) await this.send();
      if (isFirst) {
        this.shape(photo.info.width, photo.info.height);
        this.say("coloring");
        this.progress.removeAttribute("value");
      }
      const showBefore = () => before.getAttribute("src") || show(before, photo.before(side));
      await showBefore();
      const picture = await photo.preview(photo.edit, side, options);
      if (run !== this.last) return;
      showBefore(); // where the photo had to be sent again
      await show(after, this.picture = picture);
      after.alt = t("after-name", photo);
      this.ready();
      adjust.disabled = this.download.disabled = this.slider.disabled = false;
      if (isFirst) this.announce();
    } catch (problem) {
      if (run === this.last) this.fail(problem);
    } finally {
      this.onEnd();
    }
  }

  send() {
    this.say("uploading");
    return this.photo.send({
      ...this.options,
      onProgress: (share) => {
        this.progress.value = share;
        if (share === 1) this.say("opening");
      },
    });
  }

  ready() {
    // Where the browser itself reads the photo there are no warnings.
    const { info: { width, height, animated, warnings = [] }, unused } = this.photo;
    this.say("ready", { size: `${width} × ${height}` });
    const remarks = [...animated ? [t("first-frame")] : warnings, ...unused ? [t("unused")] : []];
    for (const words of remarks) this.state.append(` · ${words}`);
  }

  shape(width, height) {
    this.frame.style.setProperty("--ratio", width / height);
  }

  save() {
    this.state.textContent = t("coloring");
    return this.photo.save({}, this.options).then(() => this.ready(), (problem) => this.fail(problem));
  }

  say(state, values) {
    if (state !== "waiting") this.element.dataset.state = state;
    this.state.textContent = t(state, values);
    delete this.element.dataset.problem;
  }

  announce() {
    $("announcer").textContent = `${this.photo.name}: ${this.state.textContent}`;
  }

  /** Say what went wrong; a photo that is in color stays so. */
  fail({ code, message }) {
    if (this.options.signal.aborted) return;
    Object.assign(this.element.dataset, { state: this.adjust.disabled ? "failed" : "ready", problem: code });
    this.state.textContent = message;
    this.announce();
  }
}
