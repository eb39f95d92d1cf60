// One photo: what is known of it, and what the visitor wants changed. Who colors it is for studio.js.
import { forget, remember } from "./memory.js";

export const UNCHANGED = Object.freeze({
  hints: [], keep: [], like: [], temperature: null, saturation: null, strength: null, model: null,
});

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

  /** The longer side in photo pixels. */
  get longer() {
    return Math.max(this.info.width, this.info.height);
  }

  /** Download the full-size result. */
  async save(more, options) {
    download(await this.result(more, options));
  }

  /** Have the studio and the browser forget it. */
  forget() {
    this.gone = true;
    this.leave();
    forget(this.key);
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

/** Have the browser download something that has an address. */
export function download({ url, filename }) {
  const link = Object.assign(document.createElement("a"), { href: url, download: filename });
  document.body.append(link);
  link.click();
  link.remove();
}
