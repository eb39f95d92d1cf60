// One photo: what is known of it, and what the visitor wants changed. Who colors it is for studio.js.
import { make } from "./dom.js";
import { forget, remember } from "./memory.js";

export const UNCHANGED = Object.freeze({
  hints: [], keep: [], like: [], temperature: null, saturation: null, strength: null, model: null,
});

const MOST = 100; // edits that can be undone
let count = 0;

export class Photo {
  history = [UNCHANGED]; // all edits, for undo and redo
  at = 0; // which of them holds
  draft; // an edit that is not made yet, while a drag or a slider moves
  info;
  key = `${Date.now()}.${count += 1}-${Math.random()}`; // in the order they came

  /** A photo that came as a file; or one that the browser has kept, with its edits. */
  constructor(file, known) {
    Object.assign(this, { file, name: file.name || "photo.png", ...known });
  }

  get gone() {
    return this.removal.signal.aborted;
  }

  /** Have the browser keep it until it is removed. */
  remember() {
    const { key, file, name, history, at, info } = this;
    if (!this.gone) remember({ key, file, name, history, at, info });
  }

  get edit() {
    return this.draft ?? this.history[this.at];
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
    this.leave();
    forget(this.key);
  }

  /** Change the edit while a drag or a slider still moves; `settle` makes it one step that can be undone. */
  follow(more) {
    this.draft = { ...this.edit, ...more };
    this.onNews?.();
  }

  settle() {
    if (!this.draft) return;
    this.history = [...this.history.slice(0, this.at + 1), this.draft].slice(-MOST);
    this.draft = null;
    this.step(this.history.length - 1 - this.at);
  }

  /** Change the edit, as one step. */
  change(more) {
    this.draft = { ...this.edit, ...more };
    this.settle();
  }

  /** Go back or forth so many steps, where there are such. */
  step(by) {
    if (this.history[this.at + by]) this.at += by;
    this.remember();
    this.onNews?.();
  }
}

/** Have the browser download something that has an address. */
export function download({ url, filename }) {
  make("a", { href: url, download: filename }).click();
}
