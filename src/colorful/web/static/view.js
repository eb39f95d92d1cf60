// The photo on its stage: zoom and pan by wheel, fingers and keys, and what of it is in sight.
import { show } from "./compare.js";
import { $ } from "./dom.js";

const CLOSEST = 4; // pixels of the display for one of the photo
const [stage, canvas, slider] = ["stage", "canvas", "divider"].map($);
const pointers = new Map(); // those that are down, and where

/** Where the photo lies on the stage, and stage pixels for one of it; `anchor` is the pointer over it, or the cross. */
export const view = { size: null, x: 0, y: 0, scale: 1, least: 1, anchor: null };

/** `tap` and `double` click; `grab` gives who takes a drag, if anybody; `pointed` and `laid`: pointer or photo moved. */
export const hooks = {};

export const within = (low, value, high) => Math.max(low, Math.min(value, high));
export const middle = () => ({ x: stage.clientWidth / 2, y: stage.clientHeight / 2 });

/** Where a spot of the stage lies on the photo. */
export const placeOf = ({ x, y }) => ({ x: (x - view.x) / view.scale, y: (y - view.y) / view.scale });

/** Where an event lies on the stage. */
function spotOf({ clientX, clientY }) {
  const { left, top } = stage.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
}

/** Fit a photo of a width and height in: by default that which is there. */
export function fit(size = view.size) {
  Object.assign(view, { size, fitted: true });
  lay();
}

/** Zoom to so many stage pixels for one of the photo; what is at the spot stays there, or comes there from another. */
export function zoom(scale, at = view.anchor ?? middle(), from = at) {
  const to = within(view.least, scale, Math.max(CLOSEST / devicePixelRatio, view.least));
  const { x, y } = placeOf(from);
  Object.assign(view, { scale: to, x: at.x - x * to, y: at.y - y * to, fitted: to === view.least });
  lay();
}

export function pan(dx, dy) {
  view.x += dx;
  view.y += dy;
  lay();
}

/** Bring the photo to where it belongs: it never leaves the stage, and fitted in it lies in the middle. */
function lay() {
  const { size: { width, height }, fitted } = view;
  const sides = [["x", width, stage.clientWidth], ["y", height, stage.clientHeight]];
  const border = Math.min(16, ...sides.map(([, , room]) => room / 20));
  view.least = Math.min(CLOSEST, ...sides.map(([, length, room]) => (room - 2 * border) / length));
  if (fitted) view.scale = view.least;
  for (const [axis, length, room] of sides) {
    const free = room - length * view.scale;
    view[axis] = fitted ? free / 2 : within(Math.min(0, free - border), view[axis], Math.max(free, border));
  }
  const { x, y, scale } = view;
  Object.assign(canvas.style, { width: `${width * scale}px`, height: `${height * scale}px`, translate: `${x}px ${y}px` });
  canvas.classList.toggle("close", scale * devicePixelRatio >= 2);
  divide();
  hooks.laid();
  hooks.pointed();
}

/** Put the divider where the slider says: somewhere in what is in sight of the photo. */
function divide() {
  const end = view.x + view.size.width * view.scale;
  const [left, right] = [Math.max(0, view.x), Math.min(stage.clientWidth, end)];
  const at = left + (right - left) * slider.value / 100;
  Object.assign(slider.style, { left: `calc(${left}px - 1.25rem)`, width: `calc(${right - left}px + 2.5rem)` });
  stage.style.setProperty("--divider", `${at}px`);
  stage.style.setProperty("--cut", `${end - at}px`);
  slider.ariaValueText = `${slider.value} %`;
}

stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const lines = event.deltaMode ? 33 : 1;
  zoom(view.scale * Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), spotOf(event));
}, { passive: false });
slider.addEventListener("input", divide);
new ResizeObserver(() => view.size && stage.clientWidth && lay()).observe(stage); // also as the tools below take room

let drag = null; // who takes what the pointer does
let still = false; // it has not moved so far that it is no click any more

function drop(done) {
  drag?.end(done);
  drag = null;
}

stage.addEventListener("pointerdown", (event) => {
  const { target, pointerId, button } = event;
  if (target.closest(".ring, .slider") && !pointers.size) return;
  (target.closest(".point") ?? stage).setPointerCapture(pointerId);
  const spot = spotOf(event);
  pointers.set(pointerId, spot);
  still = pointers.size === 1;
  if (!still) drop(false); // two fingers zoom
  else drag = button ? null : hooks.grab(target, placeOf(spot));
});
stage.addEventListener("pointermove", (event) => {
  const [now, last] = [spotOf(event), pointers.get(event.pointerId)];
  if (last || event.pointerType === "mouse") view.anchor = now;
  hooks.pointed();
  if (!last || (still && Math.hypot(now.x - last.x, now.y - last.y) < 4)) return;
  still = false;
  pointers.set(event.pointerId, now);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const apart = (one) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
    const half = (one) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
    zoom(view.scale * apart(now) / apart(last), half(now), half(last));
  } else if (drag) {
    drag.move(placeOf(now));
  } else {
    pan(now.x - last.x, now.y - last.y);
  }
});
function up(event) {
  if (!pointers.delete(event.pointerId) || pointers.size) return;
  const done = event.type === "pointerup";
  if (event.pointerType !== "mouse") view.anchor = null;
  if (done && still && !drag && !event.button) hooks.tap(placeOf(spotOf(event)));
  drop(done);
}
stage.addEventListener("pointerup", up);
stage.addEventListener("pointercancel", up);
stage.addEventListener("pointerleave", () => {
  view.anchor = null;
  hooks.pointed();
});
stage.addEventListener("dblclick", ({ target }) => target === slider || hooks.double());

/** One of the two pictures: the whole at the size of the display, and over it the part that is looked at closely. */
export class Layer {
  /** `load(edit, pixels, region, signal)` fetches the whole (no region) or a part. */
  constructor(kind, load, onProblem) {
    Object.assign(this, { load, onProblem, images: canvas.querySelectorAll(kind) });
  }

  reset() {
    this.request?.abort();
    Object.assign(this, { wish: null, key: null, side: 0 });
    for (const image of this.images) image.removeAttribute("src");
  }

  /** Show the picture of an edit, whose key is given, so large; `whole` tells that no part is looked at closely. */
  async update(wish) {
    this.wish = wish;
    if (this.request?.region) this.request.abort(); // a newer wish calls it off; the whole is left to come
    if (this.request) return;
    for (let missing = this.missing(); missing; missing = this.missing()) {
      const { edit, pixels, style, ...made } = missing;
      const { signal } = this.request = Object.assign(new AbortController(), made);
      const [whole, part] = this.images;
      try {
        const picture = await this.load(edit, pixels, made.region, signal);
        signal.throwIfAborted();
        if (made.region) Object.assign(part.style, style);
        else part.removeAttribute("src");
        await show(made.region ? part : whole, picture);
        Object.assign(this, made);
        this.onProblem(null);
      } catch (problem) {
        if (signal.aborted) continue;
        this.onProblem(problem);
        break;
      }
    }
    this.request = null;
  }

  /** What of the wish is not shown yet: the whole, else the part. */
  missing() {
    const { edit, key, side, whole } = this.wish ?? { key: this.key, whole: true };
    if (key !== this.key || side > this.side) return { edit, key, side, pixels: side, region: null, sharp: 0 };
    return whole ? null : this.closely(edit);
  }

  /** The region in sight, a little wider, and the pixels that the display has for it; null if what is shown will do. */
  closely(edit) {
    const { images: [whole], region, sharp } = this;
    const { size: { width, height }, x, y, scale } = view;
    const wanted = Math.min(1, scale * devicePixelRatio); // pixels of the display for one of the photo
    if (wanted <= 1.02 * whole.naturalWidth / width) return null;
    const sides = [[x, width, stage.clientWidth], [y, height, stage.clientHeight]].map(([corner, length, room], axis) => {
      const [from, to] = [-corner, room - corner].map((edge) => within(0, edge / scale, length));
      const covered = region && region[axis] <= from && region[axis] + region[axis + 2] >= to;
      const start = Math.floor(within(0, from - (to - from) / 5, length - 1));
      const count = Math.ceil(within(start + 1, to + (to - from) / 5, length)) - start;
      return { covered, start, count, at: `${100 * start / length}%`, long: `${100 * count / length}%` };
    });
    if (sharp >= wanted * 0.99 && sides.every(({ covered }) => covered)) return null;
    const [h, v] = sides;
    return {
      edit,
      region: [h.start, v.start, h.count, v.count],
      sharp: wanted,
      pixels: Math.max(h.count, v.count) * wanted,
      style: { left: h.at, top: v.at, width: h.long, height: v.long },
    };
  }
}
