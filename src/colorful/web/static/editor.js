// The editor: colors put on the chosen photo with a click, a brush that keeps parts grey, and the look of it all.
// What the visitor wants is in photo.edit; draw() brings everything on the screen to what it says.
import { colorAt, colorsOf, isColorful, lightOf, nameOf, swatch } from "./color.js";
import { $, make } from "./dom.js";
import { UNCHANGED } from "./photo.js";
import { t } from "./texts.js";
import { Layer, fit, hooks, middle, pan, placeOf, view, within, zoom } from "./view.js";

const LOOK = ["temperature", "saturation", "strength"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const RECENT = "colorful-colors";
const [editor, stage, points] = ["editor", "stage", "points"].map($);
const waiting = { onWait: (seconds) => say(t("waiting", { seconds })) };
const onProblem = (problem) => say(problem?.message ?? "");
const after = new Layer(".after", (edit, pixels, region, signal) => now.photo.preview(edit, pixels, { ...waiting, signal }, region), onProblem);
const before = new Layer(".before", (edit, pixels, region) => now.photo.before(pixels, region), onProblem);

let recent = []; // colors
try {
  recent = JSON.parse(localStorage.getItem(RECENT)) ?? [];
} catch { /* the browser keeps nothing */ }

/** What is open, and what goes on there: all that is known for the time of one photo. */
let now = {};

export function openEditor(card, others) {
  if (editor.open) return; // a double click
  const { photo } = card;
  now = {
    card,
    photo,
    others, // gives the other cards
    selected: -1, // the point whose color and size the panel shows
    paint: null, // the color picked last, which the next point gets; null: what the picture shows there
    stroke: null, // of the brush, while it is drawn
    lights: new Map(), // L of the photo by place
    closed: new AbortController(),
  };
  view.anchor = null;
  $("original").ariaPressed = $("dropper").ariaPressed = false;
  say("");
  for (const id of ["rings", "variants", "swatches"]) $(id).replaceChildren();
  $("editor-title").textContent = t("editor", photo);
  $("examples").replaceChildren(...others().map((other) => (
    thumbnail(other.compare.after.src, other.photo.name, () => work(() => example(other.compare.after))))));
  $("radius").max = $("size").max = Math.max(8, Math.round(photo.longer / 6));
  $("size").value = photo.longer / 25;
  for (const layer of [after, before]) layer.reset();
  after.images[0].src = card.compare.after.src;
  editor.showModal();
  $("editor-title").focus();
  fit(photo.info);
  draw();
  choose("view", "color");
  choose("tab", "hints" in model() ? "points" : "look");
}

editor.addEventListener("close", () => {
  const { card, photo, timer, closed } = now;
  photo.settle();
  closed.abort();
  clearTimeout(timer);
  for (const layer of [after, before]) layer.reset();
  card.refresh();
  card.adjust.focus();
});

/** What the model can do is said by its option: `hints`, if it takes them, and the look that it begins with. */
const model = () => $("model").selectedOptions[0].dataset;
const chosen = (name) => editor.querySelector(`[name=${name}]:checked`).value;
const isPressed = (id) => $(id).ariaPressed === "true";

function choose(name, value) {
  editor.querySelector(`[name=${name}][value=${value}]`).checked = true;
}

function say(words) {
  $("editor-state").textContent = words;
}

/** Do what takes a while, and say what comes of it. */
async function work(job) {
  const { closed: { signal } } = now;
  say(t("coloring"));
  const words = await job({ ...waiting, signal }).catch(({ name, message }) => (
    { AbortError: "", NotAllowedError: t("press-again") }[name] ?? message));
  if (!signal.aborted) say(words ?? "");
}

function thumbnail(src, alt, onclick) {
  const button = make("button", { type: "button", className: "variant", onclick });
  button.append(make("img", { src, alt }));
  return button;
}

/** Have a swatch for each color, or for one of each name. */
function showColors(id, colors, keyOf = String) {
  const row = $(id).querySelector(".swatches");
  if (row.dataset.colors === String(colors)) return; // the focus may be on one
  row.dataset.colors = colors;
  const found = new Map(colors.map((color) => [keyOf(color), color]));
  row.replaceChildren(...[...found.values()].map((color) => swatch(color)));
}

/** Keep a color among those used last. */
function recall(color) {
  recent = [...new Set([color, ...recent])].slice(0, 8);
  try {
    localStorage.setItem(RECENT, JSON.stringify(recent));
  } catch { /* the browser keeps nothing */ }
}

/** Bring points, brush and panel to what the edit says. */
function draw() {
  const { photo } = now;
  const { hints, keep, like, ...look } = photo.edit;
  $("model").value = look.model;
  if ($("model").selectedIndex < 0) $("model").selectedIndex = 0; // the default
  if (now.selected >= hints.length) now.selected = -1;
  while (points.children.length > hints.length) points.lastElementChild.remove();
  while (points.children.length < hints.length) points.append(make("button", { type: "button", className: "point" }));
  for (const [at, hint] of hints.entries()) {
    Object.assign(points.children[at], {
      ariaPressed: at === now.selected, ariaLabel: t("point", { number: at + 1, color: nameOf(hint.color) }), style: lying(hint),
    });
  }
  const hint = hints[now.selected];
  $("point-tools").hidden = !hint;
  if (hint) {
    $("point-tools").style = lying(hint); // for its color there
    $("pick").value = hint.color;
    $("radius").value = hint.radius;
  }
  for (const name of LOOK) $(name).value = look[name] ?? model()[name] ?? 0;
  for (const output of editor.querySelectorAll("output")) {
    const { value, step } = $(output.htmlFor.value);
    output.value = step < 1 ? Number(value).toFixed(2) : `${value} px`;
  }
  const idle = { undo: !photo.at, redo: !photo.history[photo.at + 1], reset: !photo.changed, "brush-clear": !keep.length };
  for (const [id, is] of Object.entries(idle)) $(id).ariaDisabled = is; // not disabled: that would lose the focus
  showColors("recent", recent);
  showColors("example-colors", like, nameOf);
  $("example-picture").hidden = $("example-picture").dataset.colors !== String(like);
  for (const one of editor.querySelectorAll(".swatch")) one.ariaPressed = one.dataset.color === (hint?.color ?? now.paint);
  drawMask();
  render();
  suggest();
}

/** Where a hint lies on the photo, and its color there. */
function lying(hint) {
  const { x, y, color, radius } = hint;
  const { width, height } = now.photo.info;
  const key = `${x} ${y}`;
  if (!now.lights.has(key)) now.lights.set(key, lightOf(shown(hint)));
  return `left: ${100 * x / width}%; top: ${100 * y / height}%; --spot: ${radius / width}; --color: ${color}; --light: ${now.lights.get(key)}`;
}

function drawMask() {
  const { stroke, photo: { info, edit, longer } } = now;
  const scale = Math.min(1, 1200 / longer);
  const [width, height] = [info.width, info.height].map((length) => Math.ceil(length * scale));
  const pen = Object.assign($("mask"), { width, height }).getContext("2d");
  pen.scale(scale, scale);
  Object.assign(pen, { lineCap: "round", lineJoin: "round", strokeStyle: "#19a3b8" });
  for (const { points: places, radius, erase } of stroke ? [...edit.keep, stroke] : edit.keep) {
    pen.globalCompositeOperation = erase ? "destination-out" : "source-over";
    pen.lineWidth = 2 * radius;
    pen.beginPath();
    for (const [x, y] of [...places, places.at(-1)]) pen.lineTo(x, y);
    pen.stroke();
  }
}

/** Show the picture of the edit and, looked at closely, the part in sight; by and by what comes last. */
function render(delay = 0) {
  stage.ariaBusy = "true";
  clearTimeout(now.timer);
  now.timer = setTimeout(async () => {
    const { photo } = now;
    const side = Math.min(photo.longer, Math.ceil(photo.longer * view.least * devicePixelRatio));
    const update = (layer, edit) => layer.update({ edit, side, key: photo.key + JSON.stringify(edit), whole: photo.draft });
    const compared = chosen("view") === "compare" || isPressed("original");
    await Promise.all([update(after, photo.edit), compared && update(before, null)]);
    if (!after.request && !before.request) stage.ariaBusy = null;
  }, delay);
}

/** Show which colors are likely at the selected point, given the others. */
async function suggest() {
  const { photo, selected } = now;
  const { hints, like, model: name } = photo.edit;
  const hint = hints[selected];
  if (!hint || photo.draft || !("temperature" in model())) return;
  const asked = { model: name, like, hints: hints.filter((one) => one !== hint), x: hint.x, y: hint.y, count: 6 };
  if (JSON.stringify(asked) === now.asked) return;
  now.asked = JSON.stringify(asked);
  now.suggesting?.abort();
  const { signal } = now.suggesting = new AbortController();
  // Without swatches there is still the picker.
  const { suggestions } = await photo.ask("suggestions", asked, { signal }).catch(() => ({ suggestions: [] }));
  if (signal.aborted || photo !== now.photo) return;
  const at = [...$("swatches").children].indexOf(document.activeElement);
  $("swatches").replaceChildren(...suggestions.map(({ swatch: color, probability }) => (
    swatch(color, t("likely-color", { color: nameOf(color), percent: Math.round(100 * probability) })))));
  $("swatches").children[at]?.focus();
  draw();
}

/** Change the edit while a drag or slider is still moving; `settle` makes it one step. */
function follow(more) {
  now.photo.draft = { ...now.photo.edit, ...more };
  draw();
}

function settle() {
  now.photo.settle();
  draw();
}

function change(more) {
  now.photo.change(more);
  draw();
}

/** Go back or forth, and keep the focus where keys are heard. */
function step(by) {
  now.photo.settle();
  now.photo.step(by);
  draw();
  if (!editor.contains(document.activeElement)) stage.focus();
}

const withHint = (more, at = now.selected) => (
  { hints: now.photo.edit.hints.map((hint, index) => (index === at ? { ...hint, ...more } : hint)) });

function onPhoto({ x, y }) {
  const { width, height } = now.photo.info;
  return { x: within(0, x, width - 0.01), y: within(0, y, height - 0.01) };
}

/** The color that the picture shows at a place of the photo. */
function shown({ x, y }) {
  const { images: [whole] } = after;
  const { width, height } = now.photo.info;
  return colorAt(whole, whole.naturalWidth * x / width, whole.naturalHeight * y / height);
}

/** Put a point on the photo: of the color picked last, or of what is there, to be changed from there. */
function add(spot) {
  const { hints } = now.photo.edit;
  now.selected = hints.length;
  now.added = performance.now();
  choose("view", "color"); // where points are shown
  const radius = Math.max(1, Math.round(now.photo.longer / 64));
  change({ hints: [...hints, { color: now.paint ?? shown(spot), radius, ...spot }] });
  points.children[now.selected].focus({ preventScroll: true });
}

const indexOf = (point) => [...points.children].indexOf(point);

function select(at) {
  if (now.selected === at) return;
  now.selected = at;
  draw();
}

function remove(at) {
  now.photo.settle();
  now.selected = -1;
  change({ hints: now.photo.edit.hints.toSpliced(at, 1) });
  (points.children[at] ?? points.lastElementChild ?? $("point-add")).focus();
}

/** Give the selected point a color, or else the next one. */
function use(color) {
  now.paint = color;
  recall(color);
  $("dropper").ariaPressed = false;
  if (now.selected >= 0) change(withHint({ color }));
  else draw();
}

/** A brush stroke that begins at a place. */
function brush(place) {
  const spot = ({ x, y }) => [x, y].map((value) => Math.round(10 * value) / 10);
  const stroke = { points: [spot(place)], radius: Number($("size").value), erase: chosen("pen") === "erase" };
  now.stroke = stroke;
  return {
    move(to) {
      const [[x, y], [nextX, nextY]] = [stroke.points.at(-1), spot(to)];
      if (Math.hypot(nextX - x, nextY - y) > stroke.radius / 8) stroke.points.push([nextX, nextY]);
      drawMask();
    },
    end(done) {
      now.stroke = null;
      now.last = stroke.points.at(-1);
      if (done) change({ keep: [...now.photo.edit.keep, stroke] });
      else drawMask();
    },
  };
}

Object.assign(hooks, {
  tap(place) {
    const spot = onPhoto(place);
    if (Math.hypot(spot.x - place.x, spot.y - place.y) > 1) return; // beside it
    if (isPressed("dropper")) use(shown(spot));
    else if (chosen("tab") === "points" && "hints" in model()) add(spot);
  },
  /** A double click fits the photo in; the point of its first half is taken back. */
  double() {
    if (now.added > performance.now() - 700) step(-1);
    fit();
  },
  grab(target, place) {
    const at = indexOf(target);
    if (at < 0) return chosen("tab") === "brush" ? brush(place) : null;
    select(at);
    return { move: (to) => follow(withHint(onPhoto(to), at)), end: settle };
  },
  pointed() {
    const { anchor, scale } = view;
    const size = chosen("tab") === "brush" ? 2 * $("size").value * scale : 24;
    $("cross").hidden = !anchor;
    if (anchor) $("cross").style = `translate: ${anchor.x - size / 2}px ${anchor.y - size / 2}px; width: ${size}px; height: ${size}px`;
  },
  laid: () => render(150),
});

/** Keys: those that buttons name; arrows move a point or, on the stage, a cross, and Enter does what a click does. */
function onKey(event) {
  const { key, shiftKey, target } = event;
  const held = event.ctrlKey || event.metaKey;
  const name = `${held ? "Control+" : ""}${held && shiftKey ? "Shift+" : ""}${key.toUpperCase()}`;
  const named = !event.altKey && (held || target.tagName !== "SELECT")
    && editor.querySelector(`[aria-keyshortcuts~="${CSS.escape(name)}"]`);
  const at = indexOf(target);
  const [dx, dy] = ARROWS[key] ?? [];
  if (named?.id === "original" || (target.id === "original" && key === " ")) {
    original(true);
  } else if (named) {
    named.click();
  } else if (at >= 0 && ARROWS[key]) {
    const { x, y } = now.photo.edit.hints[at];
    const far = Math.max(1, now.photo.longer / (shiftKey ? 20 : 200));
    follow(withHint(onPhoto({ x: x + dx * far, y: y + dy * far }), at));
  } else if (at >= 0 && (key === "Delete" || key === "Backspace")) {
    remove(at);
  } else if (target === stage && ARROWS[key]) {
    const [from, far] = [view.anchor ?? middle(), shiftKey ? 64 : 8];
    const to = { x: from.x + dx * far, y: from.y + dy * far };
    view.anchor = { x: within(0, to.x, stage.clientWidth), y: within(0, to.y, stage.clientHeight) };
    pan(view.anchor.x - to.x, view.anchor.y - to.y); // beyond the edge the photo moves
  } else if (target === stage && (key === "Enter" || key === " ")) {
    const place = placeOf(view.anchor ?? middle());
    const stroke = hooks.grab(target, place);
    if (stroke && shiftKey && now.last) now.stroke.points.unshift(now.last);
    if (stroke) stroke.end(true);
    else hooks.tap(place);
  } else {
    return;
  }
  event.preventDefault();
}

function original(on) {
  if (on === isPressed("original")) return;
  $("original").ariaPressed = on;
  render();
}

/** Offer whole pictures to choose from. */
async function vary(options) {
  const { photo } = now;
  const { variants } = await photo.ask("variants", photo.edit, options);
  const choices = await Promise.all(variants.map(async ({ hints }, at) => {
    const edit = { ...photo.edit, hints: [...photo.edit.hints, ...hints] };
    const picture = await photo.preview(edit, 240, options);
    return thumbnail(URL.createObjectURL(picture), t("variant", { number: at + 1 }), () => change({ hints: edit.hints }));
  }));
  $("variants").replaceChildren(...choices);
  return choices.length ? "" : t("no-variants");
}

/** Show rings where a hint helps most; one that is clicked becomes a point. */
async function help(options) {
  const { places } = await now.photo.ask("places", now.photo.edit, options);
  $("rings").replaceChildren(...places.map((hint, at) => make("button", {
    type: "button",
    className: "ring",
    ariaLabel: t("place", { number: at + 1, color: nameOf(hint.color) }),
    style: lying(hint),
    onclick({ target }) {
      target.remove();
      add(hint);
    },
  })));
  $("rings").firstElementChild?.focus({ preventScroll: true });
}

/** Have colors like those of a picture: a file, or an image of the page. */
async function example(source) {
  const { photo } = now;
  const picture = await createImageBitmap(source).catch(() => null);
  if (!picture) return t("example-unread");
  if (photo !== now.photo) return "";
  const like = colorsOf(picture, [0, 0, picture.width, picture.height], 12);
  if (!like.some(isColorful)) return t("example-grey");
  const scale = 640 / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width, picture.height].map((length) => Math.ceil(length * scale));
  const canvas = Object.assign($("example-picture"), { width, height });
  canvas.getContext("2d").drawImage(picture, 0, 0, width, height);
  canvas.dataset.colors = like;
  change({ like });
  return "";
}

/** What the full-size result is to be: the fields of the form. */
const wish = () => Object.fromEntries(new FormData($("wish")));

async function picture(more) {
  const { url, filename, type } = await now.photo.result({ ...wish(), ...more }, waiting);
  return new File([await (await fetch(url)).blob()], filename, { type });
}

const clicks = {
  undo: () => step(-1),
  redo: () => step(1),
  "zoom-in": () => zoom(view.scale * 1.5),
  "zoom-out": () => zoom(view.scale / 1.5),
  "zoom-fit": () => fit(),
  "zoom-full": () => zoom(1 / devicePixelRatio),
  "point-add": () => add(placeOf(middle())),
  "point-remove": () => remove(now.selected),
  dropper: (button) => { button.ariaPressed = !isPressed("dropper"); },
  places: () => work(help),
  "brush-clear": () => change({ keep: [] }),
  vary: () => work(vary),
  reset: () => change(UNCHANGED),
  done: () => editor.close(),
  copy: () => work(() => navigator.clipboard.write([new ClipboardItem({ "image/png": picture({ format: "png" }) })])),
  share: () => work(async () => navigator.share({ files: [await picture()] })),
  "example-none"() {
    change({ like: [] });
    $("example-file").focus();
  },
  "example-picture"(canvas, { offsetX: x, offsetY: y }) {
    use(colorAt(canvas, canvas.width * x / canvas.clientWidth, canvas.height * y / canvas.clientHeight));
  },
  "same-look"() {
    const { hints, keep, ...look } = now.photo.edit;
    for (const card of now.others()) {
      card.photo.change(look);
      card.refresh();
    }
    say(t("same-done", { count: now.others().length }));
  },
};
const inputs = {
  pick({ value: color }) {
    now.paint = color;
    follow(withHint({ color }));
  },
  radius: ({ valueAsNumber: radius }) => follow(withHint({ radius })),
  size: draw,
};
for (const name of LOOK) inputs[name] = ({ valueAsNumber: value }) => follow({ [name]: value });
const changes = {
  pick: ({ value }) => recall(value),
  "example-file"(input) {
    const [file] = input.files;
    if (file) work(() => example(file));
    input.value = "";
  },
  model({ value }) {
    // What the new model cannot do is left out of the edit.
    const { hints, like, keep } = now.photo.edit;
    const can = model();
    change({ ...UNCHANGED, keep, hints: "hints" in can ? hints : [], like: "temperature" in can ? like : [], model: value });
  },
};

editor.addEventListener("click", (event) => {
  const target = event.target.closest("button, canvas");
  if (!target || target.ariaDisabled === "true") return;
  if (target.matches(".swatch")) use(target.dataset.color);
  else clicks[target.id]?.(target, event);
});
$("wish").addEventListener("submit", (event) => {
  event.preventDefault();
  work(() => now.photo.save(wish(), waiting));
});
editor.addEventListener("input", ({ target }) => inputs[target.id]?.(target));
editor.addEventListener("change", ({ target }) => {
  changes[target.id]?.(target);
  settle();
});
editor.addEventListener("keydown", onKey);
editor.addEventListener("keyup", () => {
  original(false);
  if (now.photo.draft) settle();
});
editor.addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (!file || !("temperature" in model())) return;
  choose("tab", "look");
  work(() => example(file));
});
points.addEventListener("focusin", ({ target }) => select(indexOf(target)));
addEventListener("blur", () => original(false)); // a key that is let go elsewhere is not heard here
for (const kind of ["pointerdown", "pointerup", "pointerleave"]) {
  $("original").addEventListener(kind, () => original(kind === "pointerdown"));
}
for (const palette of editor.querySelectorAll(".palette .swatches")) {
  palette.append(...palette.dataset.colors.split(" ").map((color) => swatch(color)));
}
$("copy").hidden = !navigator.clipboard?.write;
$("share").hidden = !navigator.canShare?.({ files: [new File([""], "a.png", { type: "image/png" })] });
