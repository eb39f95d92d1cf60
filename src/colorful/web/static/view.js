// The photo on its stage: zoom and pan by wheel, fingers and keys, and what of it is in sight.
import { $, show, within } from "./dom.js";
import { t } from "./texts.js";

const CLOSEST = 4; // pixels of the display for one of the photo
const [stage, canvas] = ["stage", "canvas"].map($);
const pointers = new Map(); // those that are down, and where
// The photo in color and as it came: whole at the size of the display, and over it the part that is looked at closely.
const [wholes, parts] = [".whole", ".part"].map((kind) => canvas.querySelectorAll(kind));
export const [whole] = wholes;

/** Where the photo lies on the stage, and stage pixels for one of it; `anchor` is the pointer over it, or the cross. */
export const view = { photo: null, x: 0, y: 0, scale: 1, least: 1, anchor: null };

/** `tap` and `double` click; `grab` gives who takes a drag, if anybody; `pointed`: the pointer moved, or the photo. */
export const hooks = {};

export const middle = () => ({ x: stage.clientWidth / 2, y: stage.clientHeight / 2 });

/** Where a spot of the stage lies on the photo. */
export const placeOf = ({ x, y }) => ({ x: (x - view.x) / view.scale, y: (y - view.y) / view.scale });

/** Where an event lies on the stage. */
function spotOf({ clientX, clientY }) {
  const { left, top } = stage.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
}

/** Show a photo; until it has come, a smaller picture of it. */
export function open(photo, picture) {
  Object.assign(view, { photo, anchor: null });
  show(whole, picture);
  fit();
}

export function close() {
  letGo();
  view.photo = null;
  request?.abort();
  shown = {};
  for (const image of [...wholes, ...parts]) image.removeAttribute("src");
}

/** Fit the photo into the stage. */
export function fit() {
  view.fitted = true;
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

/** The two axes: name, length of the photo, and the room that the stage has. */
const axes = () => [["x", view.photo.info.width, stage.clientWidth], ["y", view.photo.info.height, stage.clientHeight]];

/** Bring the photo to where it belongs: it never leaves the stage, and fitted in it lies in the middle. */
function lay() {
  const border = Math.min(16, ...axes().map(([, , room]) => room / 20));
  view.least = Math.min(CLOSEST, ...axes().map(([, length, room]) => (room - 2 * border) / length));
  if (view.fitted) view.scale = view.least;
  for (const [axis, length, room] of axes()) {
    const long = length * view.scale;
    const free = room - long;
    view[axis] = view.fitted ? free / 2 : within(Math.min(0, free - border), view[axis], Math.max(free, border));
    stage.style.setProperty(`--${axis}`, `${view[axis]}px`);
    stage.style.setProperty(`--${axis}-long`, `${long}px`);
  }
  canvas.classList.toggle("close", view.scale * devicePixelRatio >= 2);
  render(150);
  hooks.pointed();
}

stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const lines = event.deltaMode ? 33 : 1;
  zoom(view.scale * Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), spotOf(event));
}, { passive: false });
new ResizeObserver(() => view.photo && stage.clientWidth && lay()).observe(stage); // also as the tools below take room

let drag = null; // who takes what the pointer does
let still = false; // it has not moved so far that it is no click any more

function drop(done) {
  drag?.end(done);
  drag = null;
}

/** End what the pointer drags; it does nothing more until it goes down again. */
export function letGo() {
  drop(false);
  pointers.clear();
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
stage.addEventListener("dblclick", ({ target }) => target.matches(".slider") || hooks.double());

export function say(words) {
  $("editor-state").textContent = words;
}

export const onWait = (seconds) => say(notice = t("waiting", { seconds }));

let shown = {}; // `key` of the edit and `side` of the whole; `region` of the part, and how `sharp` it is
let request = null; // what is on its way
let timer = null;
let notice = null; // what was said of the picture; what else is said stays when the picture has come

/** Show the picture of the edit and, looked at closely, the part in sight; by and by what comes last. */
export function render(delay = 0) {
  stage.ariaBusy = "true";
  clearTimeout(timer);
  timer = setTimeout(async () => {
    timer = null;
    if (request?.region) request.abort(); // what is new calls it off; the whole is left to come
    if (!request) await load();
    if (!request && !timer) stage.ariaBusy = null;
  }, delay);
}

async function load() {
  for (let next = missing(); next; next = missing()) {
    const { pixels, style, ...made } = next;
    const { photo } = view;
    const { region } = made;
    const { signal } = request = Object.assign(new AbortController(), { region });
    try {
      const picture = await photo.preview(photo.edit, pixels, { onWait, signal }, region);
      signal.throwIfAborted();
      Object.assign(shown, made);
      const [after, before] = region ? parts : wholes;
      for (const image of [after, before]) Object.assign(image.style, style);
      if (!region) parts[0].removeAttribute("src");
      before.src = photo.before(pixels, region); // which the browser fetches when it is looked at
      await show(after, picture);
      if ($("editor-state").textContent === notice) say("");
    } catch (problem) {
      if (signal.aborted) continue;
      say(notice = problem.message);
      break;
    }
  }
  request = null;
}

/** What is not shown yet of the photo as it is edited now: the whole, else the part. */
function missing() {
  if (!view.photo) return null;
  const { photo: { edit, draft, longer }, least } = view;
  const key = JSON.stringify(edit);
  const side = Math.min(longer, longer * least * devicePixelRatio);
  if (key !== shown.key || side > shown.side) return { key, side, pixels: side, region: null, sharp: 0 };
  return draft ? null : closely();
}

/** The region in sight, a little wider, and the pixels that the display has for it; null if what is shown will do. */
function closely() {
  const { region, sharp } = shown;
  const wanted = Math.min(1, view.scale * devicePixelRatio); // pixels of the display for one of the photo
  if (wanted <= 1.02 * whole.naturalWidth / view.photo.info.width) return null;
  const [h, v] = axes().map(([axis, length, room], at) => {
    const [from, to] = [0, room].map((edge) => within(0, (edge - view[axis]) / view.scale, length));
    const wider = (to - from) / 5;
    const start = Math.floor(within(0, from - wider, length - 1));
    const count = Math.ceil(within(start + 1, to + wider, length)) - start;
    return {
      start, count, at: `${100 * start / length}%`, long: `${100 * count / length}%`,
      covered: region && region[at] <= from && region[at] + region[at + 2] >= to,
    };
  });
  if (sharp >= wanted * 0.99 && h.covered && v.covered) return null;
  return {
    region: [h.start, v.start, h.count, v.count],
    sharp: wanted,
    pixels: Math.max(h.count, v.count) * wanted,
    style: { left: h.at, top: v.at, width: h.long, height: v.long },
  };
}
