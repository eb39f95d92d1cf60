// Who colors the photos: here, the server. What main.js, card.js and editor.js ask of a studio is in this file alone.
import { post } from "./api.js";
import { $ } from "./dom.js";
import { Photo } from "./photo.js";
import { Problem } from "./texts.js";

const { archives, maxBytes, photos: uploads } = document.body.dataset;
const offered = [...$("model").options].map(({ value }) => value);
const between = (low, value, high) => Math.round(Math.min(high, Math.max(low, value)));

export class StudioPhoto extends Photo {
  /** Leave the photo with the server. */
  async send(options = {}) {
    if (this.file.size > Number(maxBytes)) throw new Problem({ code: "too-large" });
    const form = new FormData();
    form.append("photo", this.file, this.name);
    this.info = await (await post(uploads, form, options)).json();
    if (options.signal?.aborted) this.leave();
    options.signal?.throwIfAborted();
    this.remember();
  }

  /** The address of the photo as it came, or a part of it, for a display with room for so many pixels. */
  before(side, region) {
    const part = region ? `&region=${region}` : "";
    return `${this.info.before}?side=${between(64, side, region ? 4096 : 16383)}${part}`;
  }

  /** The photo in color, or a part of it, at display size, as a blob. */
  async preview(edit, side, options, region = null) {
    const room = between(64, side, region ? 4096 : 2048);
    return this.ask("preview", { ...edit, side: room, region }, options, "blob");
  }

  /** The photo in color at full size: its address and file name. */
  async result(more, options) {
    return this.ask("results", { ...this.edit, ...more }, options);
  }

  /** Ask for something of this photo, by the name that the server gave it an address under. */
  async ask(what, body, options, kind = "json") {
    return (await unlessGone([this], () => post(this.info[what], possible(body), options)))[kind]();
  }

  /** Have the server forget it. */
  leave() {
    if (!this.info) return;
    fetch(this.info.before.replace(/\/before$/, ""), { method: "DELETE", keepalive: true }).catch(() => {});
    this.info = null;
  }
}

/** All the photos in color, in one zip: its address and file name. */
export async function archive(photos) {
  const listed = () => photos.map(({ info: { id }, edit }) => ({ ...possible(edit), id }));
  return (await unlessGone(photos, () => post(archives, { photos: listed() }))).json();
}

/** An edit that was kept may name a model that this server does not have any more. */
function possible({ model, ...edit }) {
  return { ...edit, model: offered.includes(model) ? model : null };
}

/** Ask for something of photos. If the server has forgotten them, they are sent again. */
async function unlessGone(photos, work) {
  try {
    return await work();
  } catch (problem) {
    if (problem.code !== "gone") throw problem;
    await Promise.all(photos.map((photo) => {
      photo.again ??= photo.send().finally(() => { photo.again = null; });
      return photo.again;
    }));
    return work();
  }
}
