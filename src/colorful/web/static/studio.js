// Who colors the photos: here, the server. What main.js, card.js and editor.js ask of a studio is in this file alone.
import { post } from "./api.js";
import { $, within } from "./dom.js";
import { Photo } from "./photo.js";
import { Problem } from "./texts.js";

const { archives, maxBytes, photos: uploads } = document.body.dataset;
const models = [...$("model").options];

/** Pixels of the longer side that the server takes; of the whole, a small copy is shown. */
const room = (side, region) => Math.round(within(64, side, region ? 4096 : 2048));

export class StudioPhoto extends Photo {
  /** Leave the photo with the server. */
  async send(options) {
    if (this.file.size > Number(maxBytes)) throw new Problem({ code: "too-large" });
    const form = new FormData();
    form.append("photo", this.file, this.name);
    const { signal } = this.removal; // if it is brought back, it is sent anew
    const info = await (await post(uploads, form, { ...options, signal })).json();
    if (signal.aborted) drop(info);
    signal.throwIfAborted();
    this.leave();
    this.info = info;
    this.remember();
  }

  /** The address of the photo as it came, or a part of it, for a display with room for so many pixels. */
  before(side, region) {
    return `${this.info.before}?side=${room(side, region)}${region ? `&region=${region}` : ""}`;
  }

  /** The photo in color, or a part of it, at display size, as a blob. */
  preview(edit, side, options, region = null) {
    return this.ask("preview", { ...edit, side: room(side, region), region }, options, "blob");
  }

  /** The photo in color at full size: its address and file name. */
  result(more, options) {
    return this.ask("results", { ...this.edit, ...more }, options);
  }

  /** Ask for something of this photo, by the name that the server gave it an address under. */
  async ask(what, body, options, kind = "json") {
    return (await unlessGone([this], () => post(this.info[what], possible(body), options)))[kind]();
  }

  /** Whether the model can do nothing with points or an example that the photo has. */
  get unused() {
    const marks = ({ hints, like }) => hints.length + like.length;
    return marks(possible(this.edit)) < marks(this.edit);
  }

  /** Have the server forget it. */
  leave() {
    if (this.info) drop(this.info);
    this.info = null;
  }
}

const drop = ({ id }) => fetch(`${uploads}/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});

/** All the photos in color, in one zip: its address and file name. */
export async function archive(photos) {
  const listed = () => photos.filter(({ gone }) => !gone).map(({ info: { id }, edit }) => ({ ...possible(edit), id }));
  return (await unlessGone(photos, () => post(archives, { photos: listed() }))).json();
}

/** The option of the model that an edit names, which says what it can do; where that is gone, of the default. */
export const modelOf = ({ model }) => models.find(({ value }) => value === model) ?? models[0];

/** What the model can do of an edit. The rest stays with the photo, for the day when there is another model. */
export function possible(edit) {
  const { value: model, dataset } = modelOf(edit);
  const steered = "temperature" in dataset ? {} : { like: [], temperature: null };
  return { ...edit, model, ...steered, ..."hints" in dataset ? {} : { hints: [] } };
}

/** Ask for something of photos. If the server has forgotten them, they are sent again. */
async function unlessGone(photos, work) {
  try {
    return await work();
  } catch (problem) {
    if (problem.code !== "gone") throw problem;
    await Promise.allSettled(photos.map((photo) => (photo.again ??= photo.send().finally(() => { photo.again = null; }))));
    return work();
  }
}
