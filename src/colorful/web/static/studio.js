// Who colors the photos: here, the server. What main.js, card.js and editor.js ask of a studio is in this file alone.
import { post, upload } from "./api.js";
import { Photo } from "./photo.js";
import { Problem } from "./problem.js";

const between = (low, value, high) => Math.round(Math.min(high, Math.max(low, value)));

export class StudioPhoto extends Photo {
  /** Leave the photo with the server. */
  async send(options = {}) {
    if (this.file.size > Number(document.body.dataset.maxBytes)) throw new Problem({ code: "too-large" });
    this.info = await upload(document.body.dataset.photos, this.file, options);
    if (options.signal?.aborted) this.leave();
    options.signal?.throwIfAborted();
    this.remember();
  }

  /** The address of the photo as it came, or a part of it, for a display with room for so many pixels. */
  before(side, region) {
    return `${this.info.before}?side=${between(64, side, 16383)}${region ? `&region=${region}` : ""}`;
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

  /** Have the server forget it. */
  leave() {
    if (!this.info) return;
    fetch(this.info.before.replace(/\/before$/, ""), { method: "DELETE", keepalive: true }).catch(() => {});
    this.info = null;
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
}

/** All the photos in color, in one zip: its address and file name. */
export async function archive(photos) {
  const body = () => ({ photos: photos.map(({ info, edit }) => ({ id: info.id, ...edit })) });
  const reply = await post(document.body.dataset.archives, body()).catch(async (problem) => {
    if (problem.code !== "gone") throw problem;
    await Promise.all(photos.map((photo) => photo.resend()));
    return post(document.body.dataset.archives, body());
  });
  return reply.json();
}
