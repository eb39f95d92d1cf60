// Who colors the photos: this computer. It stands in the place of the served page's file of this name.
import { ask, follow, forget, start } from "./engine.js";
import { Photo } from "./photo.js";
import { Problem, t } from "./texts.js";
import { Zip } from "./zip.js";

const KEPT = 60_000; // milliseconds for which the address of a download is good

export class StudioPhoto extends Photo {
  /** Open the photo. */
  async send({ onProgress, signal } = {}) {
    const unfollow = follow((share) => share < 1 && onProgress?.(share));
    try {
      await start();
    } finally {
      unfollow();
    }
    onProgress?.(1);
    this.info = await ask("open", this.known, { signal });
    this.remember();
  }

  get known() {
    return { key: this.key, file: this.file };
  }

  /** The photo as it came. */
  before() {
    return this.file;
  }

  /** The photo in color at display size, as a blob. */
  async preview(edit, side, options) {
    return ask("preview", { ...this.known, edit, side }, options);
  }

  /** The photo in color at full size, as a blob. */
  async colored(options) {
    return ask("result", { ...this.known, edit: this.edit }, options);
  }

  /** The photo in color at full size: its address and file name. */
  async result(more, options) {
    const blob = await this.colored(options);
    return { url: address(blob), filename: this.filename(blob) };
  }

  filename({ type }) {
    const stem = this.name.replace(/\.[^.]*$/, "") || "photo";
    return `colorized_${stem}.${type === "image/jpeg" ? "jpg" : "png"}`;
  }

  /** Have the worker forget it. */
  leave() {
    forget(this.key);
    this.info = null;
  }
}

/** All the photos in color, in one zip: its address and file name. */
export async function archive(photos, say) {
  const zip = new Zip();
  const problems = [];
  for (const [done, photo] of photos.entries()) {
    say(t("coloring-of", { number: done + 1, count: photos.length }));
    try {
      const blob = await photo.colored();
      await zip.add(photo.filename(blob), blob);
    } catch (problem) {
      if (problem instanceof RangeError) throw new Problem({ code: "too-many" });
      problems.push(`${photo.name}: ${problem.message}\n`);
    }
  }
  if (problems.length) await zip.add("problems.txt", new Blob(problems));
  return { url: address(zip.blob()), filename: "colorized.zip" };
}

function address(blob) {
  const url = URL.createObjectURL(blob);
  setTimeout(() => URL.revokeObjectURL(url), KEPT);
  return url;
}
