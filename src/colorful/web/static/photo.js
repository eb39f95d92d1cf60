// One photo: what the server knows of it, and what the visitor wants changed.
import { post, upload } from "./api.js";

export const UNCHANGED = Object.freeze({ hints: [], temperature: null, saturation: null, model: null });

const between = (low, value, high) => Math.round(Math.min(high, Math.max(low, value)));

export class Photo {
  /** A photo that came as a file; or, after the page was loaded again, one that the server has. */
  constructor(file, known = {}) {
    this.file = file;
    this.name = file?.name || "photo.png";
    this.edit = UNCHANGED;
    this.past = [];
    this.future = [];
    this.info = null;
    this.lost = false; // forgotten by the server, and not at hand here
    Object.assign(this, known);
  }

  /** What it takes to go on with it after the page was loaded again. */
  toJSON() {
    const { name, edit, past, future, info } = this;
    return { name, edit, past, future, info };
  }

  /** Whether the visitor has changed anything. */
  get changed() {
    const { hints, temperature, saturation, model } = this.edit;
    return hints.length > 0 || [temperature, saturation, model].some((one) => one !== null);
  }

  /** Leave the photo with the server. */
  async send(options = {}) {
    this.info = await upload(document.body.dataset.photos, this.file, options);
    if (options.signal?.aborted) this.forget();
    options.signal?.throwIfAborted();
  }

  /** The address of the photo as it came, for a display with room for so many pixels. */
  before(side) {
    return `${this.info.before}?side=${between(64, side, 16383)}`;
  }

  /** The longer side in photo pixels. */
  get longer() {
    return Math.max(this.info.width, this.info.height);
  }

  /** The photo in color at display size, as a blob. */
  async preview(edit, side, options) {
    return (await this.ask("preview", { ...edit, side: between(64, side, 2048) }, options)).blob();
  }

  /** The colors that are likely at a point, given the other points. */
  async suggestions(edit, x, y, options) {
    const response = await this.ask("suggestions", { ...edit, x, y, count: 6 }, options);
    return (await response.json()).suggestions;
  }

  /** The photo in color at full size: its address and file name. */
  async result(edit, format, options) {
    return (await this.ask("results", { ...edit, format: format || null }, options)).json();
  }

  /** Download the full-size result. */
  async save(format, options) {
    const { url, filename } = await this.result(this.edit, format, options);
    const link = document.createElement("a");
    link.href = url;
    link.download = filename;
    document.body.append(link);
    link.click();
    link.remove();
  }

  /** Have the server forget it. */
  forget() {
    if (!this.info) return;
    fetch(this.info.before.replace(/\/before$/, ""), { method: "DELETE", keepalive: true }).catch(() => {});
    this.info = null;
  }

  /** Ask for something of this photo. If the server has forgotten it, it is sent again where the file is at hand. */
  async ask(what, body, options) {
    try {
      return await post(this.info[what], body, options);
    } catch (problem) {
      if (problem.code !== "gone") throw problem;
      this.lost = !this.file;
      if (this.lost) throw problem;
      this.again ??= this.send().finally(() => { this.again = null; });
      await this.again;
      return post(this.info[what], body, options);
    }
  }

  /** Make an edit that can be undone; `from` is what undo leads back to, if a drag has passed it by. */
  change(edit, from = this.edit) {
    this.past.push(from);
    this.future = [];
    this.edit = edit;
  }

  undo() {
    if (!this.past.length) return false;
    this.future.push(this.edit);
    this.edit = this.past.pop();
    return true;
  }

  redo() {
    if (!this.future.length) return false;
    this.past.push(this.edit);
    this.edit = this.future.pop();
    return true;
  }
}
