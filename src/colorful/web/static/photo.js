// One photo: what the server knows of it, and what the visitor wants changed.
import { post, upload } from "./api.js";
import { forget, remember } from "./memory.js";

export const UNCHANGED = Object.freeze({
  hints: [], keep: [], temperature: null, saturation: null, strength: null, model: null,
});

const between = (low, value, high) => Math.round(Math.min(high, Math.max(low, value)));

let count = 0;

export class Photo {
  /** A photo that came as a file; or one that the browser has kept, with its edits. */
  constructor(file, known = {}) {
    this.key = `${Date.now()}.${String(count += 1).padStart(4, "0")}-${Math.random()}`; // in the order they came
    this.file = file;
    this.name = file?.name || "photo.png";
    this.edit = UNCHANGED;
    this.past = [];
    this.future = [];
    this.info = null;
    Object.assign(this, known);
  }

  /** Have the browser keep it until it is removed. */
  remember() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { key, file, name, edit, past, future, info } = this;
      if (!this.gone) remember({ key, file, name, edit, past: past.slice(-100), future, info });
    }, 200);
  }

  /** Whether the visitor has changed anything. */
  get changed() {
    return JSON.stringify({ ...UNCHANGED, ...this.edit }) !== JSON.stringify(UNCHANGED);
  }

  /** Leave the photo with the server. */
  async send(options = {}) {
    this.info = await upload(document.body.dataset.photos, this.file, options);
    if (options.signal?.aborted) this.leave();
    options.signal?.throwIfAborted();
    this.remember();
  }

  /** The address of the photo as it came, or a part of it, for a display with room for so many pixels. */
  before(side, region) {
    return `${this.info.before}?side=${between(64, side, 16383)}${region ? `&region=${region}` : ""}`;
  }

  /** The longer side in photo pixels. */
  get longer() {
    return Math.max(this.info.width, this.info.height);
  }

  /** The photo in color, or a part of it, at display size, as a blob. */
  async preview(edit, side, options, region = null) {
    return (await this.ask("preview", { ...edit, side: between(64, side, region ? 4096 : 2048), region }, options)).blob();
  }

  /** The colors that are likely at a point, given the other points. */
  async suggestions(edit, x, y, options) {
    const response = await this.ask("suggestions", { ...edit, x, y, count: 6 }, options);
    return (await response.json()).suggestions;
  }

  /** Other colors that it may have: hints for each. */
  async variants(options) {
    return (await (await this.ask("variants", this.edit, options)).json()).variants;
  }

  /** Where a hint helps most, with the likeliest color. */
  async places(options) {
    return (await (await this.ask("places", this.edit, options)).json()).places;
  }

  /** The photo in color at full size: its address and file name. */
  async result(more, options) {
    return (await this.ask("results", { ...this.edit, ...more }, options)).json();
  }

  /** Download the full-size result. */
  async save(more, options) {
    download(await this.result(more, options));
  }

  /** Have the server forget it. */
  leave() {
    if (!this.info) return;
    fetch(this.info.before.replace(/\/before$/, ""), { method: "DELETE", keepalive: true }).catch(() => {});
    this.info = null;
  }

  /** Have the server and the browser forget it. */
  forget() {
    this.gone = true;
    this.leave();
    forget(this.key);
  }

  /** Ask for something of this photo. If the server has forgotten it, it is sent again. */
  async ask(what, body, options) {
    try {
      return await post(this.info[what], body, options);
    } catch (problem) {
      if (problem.code !== "gone" || !this.file) throw problem;
      await this.resend();
      return post(this.info[what], body, options);
    }
  }

  async resend() {
    this.again ??= this.send().finally(() => { this.again = null; });
    await this.again;
  }

  /** Make an edit that can be undone; `from` is what undo leads back to, if a drag has passed it by. */
  change(edit, from = this.edit) {
    this.past.push(from);
    this.future = [];
    this.edit = edit;
    this.remember();
  }

  undo() {
    return this.move(this.past, this.future);
  }

  redo() {
    return this.move(this.future, this.past);
  }

  move(from, to) {
    if (!from.length) return false;
    to.push(this.edit);
    this.edit = from.pop();
    this.remember();
    return true;
  }
}

/** Have the browser download something that the server has. */
export function download({ url, filename }) {
  const link = Object.assign(document.createElement("a"), { href: url, download: filename });
  document.body.append(link);
  link.click();
  link.remove();
}
