// The editor: colors put on the chosen photo with a click, and the sliders.
import { show, wire } from "./compare.js";
import { UNCHANGED } from "./photo.js";
import { t } from "./texts.js";

const $ = (id) => document.getElementById(id);
const editor = $("editor");
const canvas = $("canvas");
const stage = $("stage");
const points = $("points");
const compare = wire(canvas.querySelector(".compare"));
const models = JSON.parse($("models").textContent);

let card = null;
let photo = null;
let model = null; // what the chosen model can do
let selected = -1; // the point whose color and size the panel shows
let paint = null; // the color picked last, which the next point gets; null: what the picture shows there
let snapshot = null; // the edit that a drag or a slider started from
let stale = false; // whether the picture shown is not that of the edit
let request = null; // the AbortController of the picture that is on its way
let suggesting = null; // and that of the swatches
let beforeSide = 0; // how large the photo as it came is shown

/** Open the editor on the photo of a card. */
export function openEditor(chosen) {
  card = chosen;
  photo = card.photo;
  selected = -1;
  paint = null;
  $("editor-title").textContent = t("editor", { name: photo.name });
  compare.slider.setAttribute("aria-label", t("compare-name", { name: photo.name }));
  compare.after.alt = t("after-name", { name: photo.name });
  $("model").replaceChildren(...models.map(({ name }) => new Option(name, name)));
  $("model-row").hidden = models.length < 2;
  $("radius").max = Math.max(8, Math.round(photo.longer / 6));
  $("radius").value = defaultRadius();
  choose("view", "color");
  choose("zoom", "fit");
  editor.showModal();
  applyModel();
  compare.before.removeAttribute("src");
  compare.after.src = card.compare.after.src;
  draw();
  arrange();
}

function applyModel() {
  model = models.find(({ name }) => name === photo.edit.model) ?? models.find((one) => one.default);
  $("hint-panel").hidden = points.hidden = !model.takes_hints;
  $("temperature-row").hidden = model.temperature === null;
  $("likely").hidden = model.temperature === null;
  if (!model.takes_hints) choose("view", "compare");
}

function choose(name, value) {
  editor.querySelector(`input[name=${name}][value=${value}]`).checked = true;
  editor.dataset[name] = value;
}

const defaultRadius = () => Math.max(1, Math.round(photo.longer / 64));

/** Bring canvas and pictures to the size and view that are chosen. */
function arrange() {
  layout();
  showBefore();
  refresh();
}

/** Show the photo as it came, where it is compared and not shown as large yet. */
function showBefore() {
  if (editor.dataset.view !== "compare") return;
  if (compare.before.getAttribute("src") && side() <= beforeSide) return;
  beforeSide = side();
  show(compare.before, photo.before(beforeSide));
}

/** Give the canvas the photo's proportions: as large as the stage has room for, or at full size. */
function layout() {
  const { width, height } = photo.info;
  const style = getComputedStyle(stage);
  const room = [stage.clientWidth - 2 * parseFloat(style.paddingLeft), stage.clientHeight - 2 * parseFloat(style.paddingTop)];
  const full = editor.dataset.zoom === "full";
  const scale = full ? 1 / devicePixelRatio : Math.min(room[0] / width, room[1] / height, 4);
  canvas.style.width = `${Math.max(24, width * scale)}px`;
  canvas.style.height = `${Math.max(24, height * scale)}px`;
}

/** Pixels of the longer side on the display. */
function side() {
  const box = canvas.getBoundingClientRect();
  return Math.min(photo.longer, Math.ceil(Math.max(box.width, box.height) * devicePixelRatio));
}

/** Bring points, sliders and buttons to what the edit says. */
function draw() {
  const { hints, temperature, saturation } = photo.edit;
  if (selected >= hints.length) selected = -1;
  while (points.children.length > hints.length) points.lastElementChild.remove();
  while (points.children.length < hints.length) points.append(makePoint());
  hints.forEach((hint, index) => {
    const point = points.children[index];
    point.style.left = `${(100 * hint.x) / photo.info.width}%`;
    point.style.top = `${(100 * hint.y) / photo.info.height}%`;
    point.style.setProperty("--color", hint.color);
    point.style.setProperty("--spot", hint.radius / photo.info.width);
    point.setAttribute("aria-pressed", String(index === selected));
    point.setAttribute("aria-label", t("point", { number: index + 1, color: hint.color }));
  });
  const hint = hints[selected];
  $("point-tools").hidden = !hint;
  if (hint) {
    $("pick").value = hint.color;
    $("radius").value = hint.radius;
    $("radius-value").value = `${hint.radius} px`;
  }
  $("temperature").value = temperature ?? model.temperature ?? 0;
  $("temperature-value").value = Number($("temperature").value).toFixed(2);
  $("saturation").value = saturation ?? model.saturation;
  $("saturation-value").value = Number($("saturation").value).toFixed(2);
  $("model").value = model.name;
  $("undo").disabled = !photo.past.length;
  $("redo").disabled = !photo.future.length;
  $("reset").disabled = !photo.changed;
  for (const swatch of $("swatches").children) {
    swatch.setAttribute("aria-pressed", String(swatch.dataset.color === hint?.color));
  }
}

/**
 * Fetch the picture of the edit. A preview on its way is left to come, so that the picture follows a drag, and
 * only the newest wish waits behind it; a picture at full size is called off by a newer wish.
 */
async function refresh() {
  stale = true;
  if (request) {
    if (request.full) request.abort();
    return;
  }
  stage.setAttribute("aria-busy", "true");
  while (stale && photo) {
    stale = false;
    const here = photo;
    request = new AbortController();
    request.full = editor.dataset.view === "compare" && editor.dataset.zoom === "full" && !snapshot;
    const { signal } = request;
    try {
      const picture = request.full
        ? (await here.result(here.edit, "", { onWait, signal })).url
        : await here.preview(here.edit, side(), { onWait, signal });
      signal.throwIfAborted();
      await show(compare.after, picture);
      if (photo === here) showBefore(); // again, if the server had to be sent the photo again
      say("");
    } catch (problem) {
      if (!signal.aborted) say(problem.message);
    }
  }
  request = null;
  stage.removeAttribute("aria-busy");
}

const onWait = () => say(t("waiting"));

function say(words) {
  $("editor-state").textContent = words;
}

/** Change the edit as one step that can be undone. */
function change(more) {
  photo.change({ ...photo.edit, ...more });
  draw();
  refresh();
}

/** Change the edit while a drag or slider is still moving; `settle` makes it one step. */
function follow(more) {
  snapshot ??= photo.edit;
  photo.edit = { ...photo.edit, ...more };
  draw();
  refresh();
}

function settle() {
  if (!snapshot) return;
  const from = snapshot;
  snapshot = null;
  if (photo.edit !== from) photo.change(photo.edit, from);
  draw();
  refresh();
}

const withHint = (index, more) => ({
  hints: photo.edit.hints.map((hint, at) => (at === index ? { ...hint, ...more } : hint)),
});

const clamp = (value, size) => Math.min(Math.max(value, 0), size - 0.01);

/** The color that the picture shows at a point of the photo. */
function shownColor(x, y) {
  const { width, height } = photo.info;
  const [column, row] = [(x / width) * compare.after.naturalWidth, (y / height) * compare.after.naturalHeight];
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  pixel.drawImage(compare.after, Math.floor(column), Math.floor(row), 1, 1, 0, 0, 1, 1);
  const channels = [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  return `#${channels.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** Put a point on the photo: of the color picked last, or of what is there, to be changed from there. */
function addPoint(x, y) {
  const place = { x: clamp(x, photo.info.width), y: clamp(y, photo.info.height) };
  selected = photo.edit.hints.length;
  const color = paint ?? shownColor(place.x, place.y);
  choose("view", "color"); // where points are shown
  change({ hints: [...photo.edit.hints, { ...place, color, radius: defaultRadius() }] });
  suggest();
  points.children[selected]?.focus({ preventScroll: true });
}

function select(index) {
  if (selected === index) return;
  selected = index;
  draw();
  suggest();
}

function removePoint(index) {
  selected = -1;
  change({ hints: photo.edit.hints.filter((_, at) => at !== index) });
  (points.children[Math.min(index, points.children.length - 1)] ?? $("point-add")).focus();
}

/** Show which colors are likely at the selected point, given the others. */
async function suggest() {
  suggesting?.abort();
  const hint = photo?.edit.hints[selected];
  if (!hint || model.temperature === null) return;
  suggesting = new AbortController();
  const { signal } = suggesting;
  const others = { ...photo.edit, hints: photo.edit.hints.filter((one) => one !== hint) };
  let likely = [];
  try {
    likely = await photo.suggestions(others, hint.x, hint.y, { signal });
  } catch {
    // Without swatches there is still the picker.
  }
  if (signal.aborted) return;
  $("swatches").replaceChildren(...likely.map(({ color, probability }) => {
    const swatch = Object.assign(document.createElement("button"), { type: "button", className: "swatch" });
    swatch.dataset.color = color;
    swatch.style.setProperty("--color", color);
    const words = t("likely-color", { color, percent: Math.round(100 * probability) });
    swatch.setAttribute("aria-label", words);
    swatch.title = words;
    swatch.addEventListener("click", () => {
      paint = null;
      change(withHint(selected, { color }));
    });
    return swatch;
  }));
  draw();
}

function makePoint() {
  const point = Object.assign(document.createElement("button"), { type: "button", className: "point" });
  const index = () => [...points.children].indexOf(point);
  const place = (event) => {
    const box = points.getBoundingClientRect();
    const { width, height } = photo.info;
    return {
      x: clamp(((event.clientX - box.left) / box.width) * width, width),
      y: clamp(((event.clientY - box.top) / box.height) * height, height),
    };
  };
  let start = null;
  point.addEventListener("focus", () => select(index()));
  point.addEventListener("pointerdown", (event) => {
    start = event;
    point.setPointerCapture(event.pointerId);
    select(index());
  });
  point.addEventListener("pointermove", (event) => {
    if (!start) return;
    if (!snapshot && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < 4) return;
    follow(withHint(index(), place(event)));
  });
  const end = () => {
    start = null;
    if (!snapshot) return;
    settle();
    suggest();
  };
  point.addEventListener("pointerup", end);
  point.addEventListener("pointercancel", end);
  point.addEventListener("click", (event) => event.stopPropagation());
  point.addEventListener("keydown", (event) => {
    const at = index();
    const hint = photo.edit.hints[at];
    const step = event.shiftKey ? photo.longer / 20 : Math.max(1, photo.longer / 200);
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (dx || dy) {
      event.preventDefault();
      const { width, height } = photo.info;
      follow(withHint(at, { x: clamp(hint.x + dx * step, width), y: clamp(hint.y + dy * step, height) }));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      settle();
      removePoint(at);
    }
  });
  point.addEventListener("keyup", (event) => {
    if (event.key.startsWith("Arrow")) end();
  });
  point.addEventListener("blur", end);
  return point;
}

points.addEventListener("click", (event) => {
  const box = points.getBoundingClientRect();
  addPoint(((event.clientX - box.left) / box.width) * photo.info.width, ((event.clientY - box.top) / box.height) * photo.info.height);
});
$("point-add").addEventListener("click", () => addPoint(photo.info.width / 2, photo.info.height / 2));
$("point-remove").addEventListener("click", () => removePoint(selected));

$("pick").addEventListener("input", () => {
  paint = $("pick").value;
  follow(withHint(selected, { color: paint }));
});
$("radius").addEventListener("input", () => follow(withHint(selected, { radius: Number($("radius").value) })));
for (const name of ["temperature", "saturation"]) {
  $(name).addEventListener("input", () => follow({ [name]: Number($(name).value) }));
}
for (const id of ["pick", "radius", "temperature", "saturation"]) $(id).addEventListener("change", settle);

$("model").addEventListener("change", () => {
  // What the new model cannot do is left out of the edit.
  const chosen = models.find(({ name }) => name === $("model").value);
  photo.change({
    model: chosen.name,
    hints: chosen.takes_hints ? photo.edit.hints : [],
    temperature: null,
    saturation: null,
  });
  after();
});

function after() {
  applyModel();
  draw();
  refresh();
  suggest();
}

$("undo").addEventListener("click", () => photo.undo() && after());
$("redo").addEventListener("click", () => photo.redo() && after());
$("reset").addEventListener("click", () => {
  photo.change(UNCHANGED);
  after();
});
editor.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "z" || key === "y") {
    event.preventDefault();
    const back = key === "z" && !event.shiftKey;
    if (back ? photo.undo() : photo.redo()) after();
  }
});

for (const name of ["view", "zoom"]) {
  $(name).addEventListener("change", (event) => {
    editor.dataset[name] = event.target.value;
    arrange();
  });
}
addEventListener("resize", () => {
  if (editor.open) arrange();
});

$("save").addEventListener("click", async () => {
  $("save").disabled = true;
  say(t("coloring"));
  try {
    await photo.save($("format").value, { onWait });
    say("");
  } catch (problem) {
    say(problem.message);
  }
  $("save").disabled = false;
});

$("done").addEventListener("click", () => editor.close());
editor.addEventListener("close", () => {
  settle();
  const closed = card;
  card = photo = null;
  request?.abort();
  suggesting?.abort();
  closed.refresh().catch((problem) => closed.fail(problem));
  closed.adjust.focus();
});
