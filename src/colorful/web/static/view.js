// The photo on its stage: zoom and pan by wheel, fingers and keys, and what of it is in sight.
import { $, show, within } from "./dom.js";
import { t } from "./texts.js";

const CLOSEST = 4; // pixels of the display for one of the photo
const [stage, canvas, cross] = ["stage", "canvas", "cross"].map($);
// Two layers: the whole photo at the size of the display, and over it the part that is looked at closely. Each has an
// image in color and one as it came, the key of what they show, and how many pixels the longer side has.
const [whole, part] = [".whole", ".part"].map((kind) => ({ images: canvas.querySelectorAll(kind) }));
export const [image] = whole.images;

/** Where the photo lies on the stage, and stage pixels for one of it; `anchor` is the pointer over it, or the cross. */
export const view = { photo: null, x: 0, y: 0, scale: 1, least: 1, anchor: null };

/** `tap` and `double` click; `grab` gives who takes the moves of a drag, if anybody; `end` ends it, also if it is not done. */
export const hooks = {};

export const middle = () => ({ x: stage.clientWidth / 2, y: stage.clientHeight / 2 });
const aimed = () => view.anchor ?? middle();

/** Where a spot of the stage lies on the photo. */
export const placeOf = ({ x, y } = aimed()) => ({ x: (x - view.x) / view.scale, y: (y - view.y) / view.scale });

/** Where an event lies on the stage. */
function spotOf({ clientX, clientY }) {
  const { left, top } = stage.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
}

/** Show a photo; until it has come, a smaller picture of it. */
export function open(photo, smaller) {
  view.photo = photo;
  aim();
  fit();
  return show(image, smaller);
}

export function close() {
  letGo();
  view.photo = null;
  request?.abort();
  [whole, part].forEach(clear);
}

function clear(layer) {
  layer.key = "";
  for (const one of layer.images) one.removeAttribute("src");
}

/** Fit the photo into the stage. */
export function fit() {
  view.fitted = true;
  lay();
}

/** Zoom to so many stage pixels for one of the photo; what is at the spot stays there, or comes there from another. */
export function zoom(scale, to = aimed(), from = to) {
  const { x, y } = placeOf(from);
  view.scale = within(view.least, scale, Math.max(CLOSEST / devicePixelRatio, view.least));
  view.fitted = view.scale === view.least;
  [view.x, view.y] = [to.x - x * view.scale, to.y - y * view.scale];
  lay();
}

/** The two axes: name, length of the photo, and the room that the stage has. */
const axes = () => [["x", view.photo.info.width, stage.clientWidth], ["y", view.photo.info.height, stage.clientHeight]];

/** Bring the photo to where it belongs: it never leaves the stage, and fitted in it lies in the middle. */
function lay() {
  const border = Math.min(16, ...axes().map(([, , room]) => room / 20));
  view.least = Math.min(CLOSEST, ...axes().map(([, length, room]) => (room - 2 * border) / length));
  if (view.fitted) view.scale = view.least;
  stage.style.setProperty("--scale", view.scale);
  for (const [axis, length, room] of axes()) {
    const long = length * view.scale;
    const free = room - long;
    view[axis] = view.fitted ? free / 2 : within(Math.min(0, free - border), view[axis], Math.max(free, border));
    stage.style.setProperty(`--${axis}`, `${view[axis]}px`);
    stage.style.setProperty(`--${axis}-long`, `${long}px`);
  }
  canvas.classList.toggle("close", view.scale * devicePixelRatio >= 2);
  render(150);
}

/** Have the cross at a spot of the stage, or nowhere. */
function aim(spot) {
  view.anchor = spot;
  cross.hidden = !spot;
  if (spot) cross.style = `left: ${spot.x}px; top: ${spot.y}px`;
}

/** Move the cross; beyond the edge of the stage the photo moves. */
export function move(dx, dy) {
  const { x, y } = aimed();
  const to = { x: x + dx, y: y + dy };
  aim({ x: within(0, to.x, stage.clientWidth), y: within(0, to.y, stage.clientHeight) });
  zoom(view.scale, view.anchor, to);
}

stage.onwheel = (event) => {
  event.preventDefault();
  const { deltaY, deltaMode, ctrlKey } = event;
  zoom(view.scale * Math.exp(-deltaY * (deltaMode ? 33 : 1) * (ctrlKey ? 0.01 : 0.002)), spotOf(event)); // 33 for a line
};
new ResizeObserver(() => view.photo && stage.clientWidth && lay()).observe(stage); // also as the tools below take room

const pointers = new Map(); // those that are down, and where
let drag; // who takes what the pointer does
let still; // it has not moved so far that it is no click any more

/** The pointer does nothing more until it goes down again. */
export function letGo() {
  drag = null;
  pointers.clear();
  hooks.end(false);
}

/** What the fingers hold: the spot between two of them, and how far these are apart. */
function grip() {
  const [one, other = one] = pointers.values();
  const apart = Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, apart };
}

stage.onpointerdown = (event) => {
  const { target, pointerId, button } = event;
  if (target.closest(".ring, .slider") && !pointers.size) return;
  (target.closest(".point") ?? stage).setPointerCapture(pointerId);
  const spot = spotOf(event);
  pointers.set(pointerId, spot);
  still = pointers.size === 1;
  drag = still && !button ? hooks.grab(target, placeOf(spot)) : null;
  if (!still) hooks.end(false); // two fingers zoom
};
stage.onpointermove = (event) => {
  const [spot, last] = [spotOf(event), pointers.get(event.pointerId)];
  if (last || event.pointerType === "mouse") aim(spot);
  if (!last || (still && Math.hypot(spot.x - last.x, spot.y - last.y) < 4)) return;
  still = false;
  const from = grip();
  pointers.set(event.pointerId, spot);
  const to = grip();
  if (drag) drag(placeOf(spot));
  else zoom(view.scale * to.apart / from.apart, to, from);
};
stage.onpointerup = stage.onpointercancel = (event) => {
  if (!pointers.delete(event.pointerId) || pointers.size) return;
  const done = event.type === "pointerup";
  if (event.pointerType !== "mouse") aim();
  if (done && still && !drag && !event.button) hooks.tap(placeOf(spotOf(event)));
  drag = null;
  hooks.end(done);
};
stage.onpointerleave = () => aim();
stage.ondblclick = ({ target }) => target.matches(".slider") || hooks.double();

export function say(words) {
  $("editor-state").textContent = words;
}

export const onWait = (seconds) => say(notice = t("waiting", { seconds }));

let request; // what is on its way
let timer;
let notice; // what was said of the picture; what else is said stays when the picture has come

/** Show the picture of the edit and, looked at closely, the part in sight; by and by what comes last. */
export function render(delay = 0) {
  stage.ariaBusy = "true";
  clearTimeout(timer);
  timer = setTimeout(load, delay);
}

async function load() {
  timer = null;
  if (request?.region) request.abort(); // what is new calls it off; the whole is left to come
  if (request) return; // it goes on with what is new
  for (let next = missing(); next; next = missing()) {
    const { photo } = view;
    const { layer, key, side, region } = next;
    const { signal } = request = Object.assign(new AbortController(), { region });
    try {
      const colored = await photo.preview(photo.edit, side, { onWait, signal }, region);
      signal.throwIfAborted();
      Object.assign(layer, { key, side });
      const [after, before] = layer.images;
      if (region) for (const one of layer.images) one.style = styleOf(region);
      else clear(part); // which is of another edit
      before.src = photo.before(side, region); // which the browser fetches when it is looked at
      await show(after, colored);
      if ($("editor-state").textContent === notice) say("");
    } catch (problem) {
      if (signal.aborted) continue;
      say(notice = problem.message);
      if (missing()?.key === key) break;
    }
  }
  request = null;
  if (!timer) stage.ariaBusy = null;
}

/** What is not shown yet of the photo as it is edited now: the whole, else the part in sight. */
function missing() {
  const { photo, scale, least } = view;
  if (!photo) return null;
  const detail = (wanted) => Math.min(1, wanted * devicePixelRatio); // pixels of the display for one of the photo
  const wishes = [{ layer: whole, region: null, side: photo.longer * detail(least) }];
  if (!photo.draft && detail(scale) > 1.02 * image.naturalWidth / photo.info.width) {
    const region = inSight();
    wishes.push({ layer: part, region, side: Math.max(...region.slice(2)) * detail(scale) });
  }
  for (const wish of wishes) wish.key = JSON.stringify([photo.edit, wish.region]);
  return wishes.find(({ layer, key, side }) => key !== layer.key || side > layer.side);
}

/** The region of the photo in sight. It grows in steps of a quarter of the stage, so that not each move asks anew. */
function inSight() {
  const [across, down] = axes().map(([axis, length, room]) => {
    const step = Math.ceil(room / view.scale / 4);
    const start = Math.max(0, Math.floor(-view[axis] / view.scale / step) * step);
    const end = Math.min(length, Math.ceil((room - view[axis]) / view.scale / step) * step);
    return [start, end - start];
  });
  return [across[0], down[0], across[1], down[1]];
}

/** Where on the canvas a region lies. */
function styleOf([x, y, wide, high]) {
  const { width, height } = view.photo.info;
  return `left: ${100 * x / width}%; top: ${100 * y / height}%; width: ${100 * wide / width}%; height: ${100 * high / height}%`;
}
