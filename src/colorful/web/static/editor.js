// The editor: colors put on the chosen photo with a click, a brush that keeps parts grey, and the look of it all.
// What the visitor wants is in photo.edit; draw() brings everything on the screen to what it says.
import { colorAt, colorsOf, isColorful, lightOf, nameOf } from "./color.js";
import { $, make, once, show, within } from "./dom.js";
import { storage } from "./memory.js";
import { UNCHANGED } from "./photo.js";
import { modelOf, possible } from "./studio.js";
import { t } from "./texts.js";
import { close, fit, hooks, letGo, middle, onWait, open, pan, placeOf, render, say, view, whole, zoom } from "./view.js";

const LOOK = ["temperature", "saturation", "strength"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const [editor, stage, points] = ["editor", "stage", "points"].map($);
const recent = () => JSON.parse(storage.colorfulColors ?? "[]");

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
  photo.onNews = () => (photo.gone ? editor.close() : draw());
  $("original").ariaPressed = $("dropper").ariaPressed = false;
  say("");
  for (const id of ["rings", "variants"]) $(id).replaceChildren();
  showColors($("swatches"), []);
  $("editor-title").textContent = t("editor", photo);
  $("examples").replaceChildren(...others().map(({ picture, photo: { name } }) => thumbnail(picture, name, () => lend(picture))));
  $("radius").max = $("size").max = Math.max(8, Math.round(photo.longer / 6));
  $("size").value = photo.longer / 25;
  editor.showModal();
  $("editor-title").focus();
  open(photo, card.picture);
  draw();
  choose("view", "color");
  choose("tab", can("hints") ? "points" : "look");
}

editor.addEventListener("close", () => {
  const { card, photo, closed } = now;
  photo.onNews = null;
  photo.settle();
  closed.abort();
  close();
  if (photo.gone) return; // removed in another tab
  card.refresh();
  card.adjust.focus();
});

/** Whether the model takes hints, or a temperature: then it also knows likely colors and follows examples. */
const can = (what) => what in modelOf(now.photo.edit).dataset;
const chosen = (name) => editor.querySelector(`[name=${name}]:checked`).value;
const isPressed = (id) => $(id).ariaPressed === "true";

function choose(name, value) {
  editor.querySelector(`[name=${name}][value=${value}]`).checked = true;
}

/** Do what takes a while, one of the jobs below, and say what comes of it. */
function work(button, job) {
  const { closed: { signal } } = now;
  once(button, async () => {
    say(t("coloring"));
    const words = await job({ onWait, signal }).catch(({ name, message }) => (
      { AbortError: "", NotAllowedError: t("press-again") }[name] ?? message));
    if (!signal.aborted) say(words ?? "");
  });
}

const button = (className, more) => make("button", { type: "button", className, ...more });

function thumbnail(source, alt, onclick) {
  const [one, image] = [button("variant", { onclick }), make("img", { alt, draggable: false })];
  one.append(image);
  show(image, source);
  return one;
}

/** Have a row of swatches, under the names of their colors or with other words; the focus may be on one. */
function showColors(row, colors, words = colors.map(nameOf)) {
  const key = String([colors, words]);
  if (row.dataset.key === key) return;
  row.dataset.key = key;
  const at = [...row.children].indexOf(document.activeElement);
  row.replaceChildren(...colors.map((value, number) => (
    button("swatch", { value, title: words[number], style: `--color: ${value}` }))));
  row.children[at]?.focus();
}

/** Bring points, brush and panel to what the edit says. */
function draw() {
  const { photo } = now;
  const { hints, keep, like, ...look } = photo.edit;
  const model = modelOf(look);
  model.selected = true;
  $("unused").hidden = !photo.unused;
  now.selected = hints[now.selected] ? now.selected : -1;
  while (points.children.length > hints.length) points.lastElementChild.remove();
  while (points.children.length < hints.length) points.append(button("point"));
  for (const [at, hint] of hints.entries()) {
    Object.assign(points.children[at], {
      ariaPressed: at === now.selected, ariaLabel: t("point", { number: at + 1, color: nameOf(hint.color) }), style: lying(hint),
    });
  }
  const hint = hints[now.selected];
  if (hint) {
    $("point-tools").style = lying(hint); // for its color there
    $("pick").value = hint.color;
    $("radius").value = hint.radius;
  }
  for (const name of LOOK) $(name).value = look[name] ?? model.dataset[name] ?? 0;
  for (const output of editor.querySelectorAll("output")) {
    const { value, step } = $(output.htmlFor.value);
    output.value = step < 1 ? Number(value).toFixed(2) : `${value} px`;
  }
  const isReset = JSON.stringify(photo.edit) === JSON.stringify(UNCHANGED);
  const idle = { undo: !photo.at, redo: !photo.history[photo.at + 1], "brush-clear": !keep.length, reset: isReset };
  for (const [id, is] of Object.entries(idle)) $(id).ariaDisabled = is; // not disabled: that would lose the focus
  showColors($("recent-colors"), recent());
  showColors($("example-colors"), [...new Map(like.map((color) => [nameOf(color), color])).values()]); // one of a name
  $("example-picture").hidden = $("example-picture").dataset.colors !== String(like);
  for (const one of editor.querySelectorAll(".swatch")) one.ariaPressed = one.value === (hint?.color ?? now.paint);
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
  const { stroke, photo: { info, edit } } = now;
  $("mask").setAttribute("viewBox", `0 0 ${info.width} ${info.height}`);
  $("strokes").innerHTML = (stroke ? [...edit.keep, stroke] : edit.keep).map(({ points: places, radius, erase }) => (
    `<polyline points="${[...places, places.at(-1)]}" stroke="${erase ? "black" : "white"}" stroke-width="${2 * radius}"/>`)).join("");
}

/** Show which colors are likely at the selected point, given the others. */
async function suggest() {
  const { photo, selected, closed: { signal } } = now;
  const { hints, like, model } = photo.edit;
  const hint = hints[selected];
  if (!hint || photo.draft || !can("temperature")) return;
  const asked = { model, like, hints: hints.toSpliced(selected, 1), x: hint.x, y: hint.y, count: 6 };
  const key = JSON.stringify(asked);
  if (key === now.asked) return;
  now.asked = key;
  // Without swatches there is still the picker.
  const { suggestions } = await photo.ask("suggestions", asked, { signal }).catch(() => ({ suggestions: [] }));
  if (signal.aborted || key !== now.asked) return;
  showColors($("swatches"), suggestions.map((one) => one.swatch), suggestions.map((one) => (
    t("likely-color", { color: nameOf(one.swatch), percent: Math.round(100 * one.probability) }))));
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
  letGo();
  now.photo.settle();
  now.photo.step(by);
  draw();
  if (!editor.contains(document.activeElement)) stage.focus();
}

/** The hints, with something else about the selected one, which may have gone in another tab. */
const withHint = (more) => ({
  hints: now.photo.edit.hints.map((hint, at) => (at === now.selected ? { ...hint, ...more } : hint)),
});

function onPhoto({ x, y }) {
  const { width, height } = now.photo.info;
  return { x: within(0, x, width - 0.01), y: within(0, y, height - 0.01) };
}

/** The color that the picture shows at a place of the photo. */
function shown({ x, y }) {
  const { width, height } = now.photo.info;
  return colorAt(whole, x / width, y / height);
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
  letGo();
  now.selected = -1;
  change({ hints: now.photo.edit.hints.toSpliced(at, 1) });
  (points.children[at] ?? points.lastElementChild ?? $("point-add")).focus();
}

/** Give the selected point a color, or else the next one. */
function use(color) {
  now.paint = color;
  storage.colorfulColors = JSON.stringify([...new Set([color, ...recent()])].slice(0, 8));
  $("dropper").ariaPressed = false;
  if (now.selected >= 0) change(withHint({ color }));
  else draw();
}

/** A brush stroke that begins at a place. */
function brush(place) {
  const spot = ({ x, y }) => [x, y].map((value) => Math.round(10 * value) / 10);
  const stroke = { points: [spot(place)], radius: $("size").valueAsNumber, erase: chosen("pen") === "erase" };
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
    else if (chosen("tab") === "points" && can("hints")) add(spot);
  },
  /** A double click fits the photo in; the point of its first half is taken back. */
  double() {
    if (now.added > performance.now() - 700) step(-1);
    fit();
  },
  grab(target, place) {
    if (chosen("tab") === "brush") return brush(place);
    const at = indexOf(target);
    if (at < 0) return null;
    select(at);
    return { move: (to) => follow(withHint(onPhoto(to))), end: settle };
  },
  pointed() {
    const { anchor, scale } = view;
    $("cross").hidden = !anchor;
    if (anchor) $("cross").style = `left: ${anchor.x}px; top: ${anchor.y}px; --brush: ${2 * $("size").value * scale}px`;
  },
});

/** Keys: those that buttons name; arrows move a point or, on the stage, a cross, and Enter does what a click does. */
function onKey(event) {
  const { key, shiftKey, target } = event;
  const held = event.ctrlKey || event.metaKey;
  const name = `${held ? "Control+" : ""}${held && shiftKey ? "Shift+" : ""}${key}`;
  const named = !event.altKey && (held || target.tagName !== "SELECT")
    && editor.querySelector(`[aria-keyshortcuts~="${CSS.escape(name)}" i]`);
  const at = indexOf(target);
  const [dx, dy] = ARROWS[key] ?? [];
  if (named?.id === "original" || (target.id === "original" && key === " ")) {
    original(true);
  } else if (named?.checkVisibility()) {
    named.click();
  } else if (at >= 0 && ARROWS[key]) {
    const { x, y } = now.photo.edit.hints[at];
    const far = Math.max(1, now.photo.longer / (shiftKey ? 20 : 200));
    follow(withHint(onPhoto({ x: x + dx * far, y: y + dy * far })));
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

const original = (on) => { $("original").ariaPressed = on; };

/** Offer whole pictures to choose from. */
async function vary(options) {
  const { photo } = now;
  const { variants } = await photo.ask("variants", photo.edit, options);
  const choices = await Promise.all(variants.map(async (variant, at) => {
    const hints = [...photo.edit.hints, ...variant.hints];
    const picture = await photo.preview({ ...photo.edit, hints }, 240, options);
    return thumbnail(picture, t("variant", { number: at + 1 }), () => change({ hints }));
  }));
  $("variants").replaceChildren(...choices);
  return choices.length ? "" : t("no-variants");
}

/** Show rings where a hint helps most; one that is clicked becomes a point. */
async function help(options) {
  const { places } = await now.photo.ask("places", now.photo.edit, options);
  $("rings").replaceChildren(...places.map((hint, at) => button("ring", {
    ariaLabel: t("place", { number: at + 1, color: nameOf(hint.color) }),
    style: lying(hint),
    onclick({ target }) {
      target.remove();
      add(hint);
    },
  })));
  $("rings").firstElementChild?.focus({ preventScroll: true });
}

/** Have colors like those of a picture. */
function lend(source) {
  if (!source || !can("temperature")) return;
  choose("tab", "look");
  work($("example-file"), (options) => example(source, options));
}

async function example(source, { signal }) {
  const picture = $("example-picture");
  picture.dataset.colors = "";
  picture.hidden = true; // draw() shows it once its colors are taken
  await show(picture, source);
  if (signal.aborted) return "";
  if (!picture.naturalWidth) return t("example-unread");
  const like = colorsOf(picture, 12);
  if (!like.some(isColorful)) return t("example-grey");
  picture.dataset.colors = like;
  change({ like });
  return "";
}

/** What the full-size result is to be: the fields of the form. */
const wish = () => Object.fromEntries(new FormData($("wish")));

async function picture(more) {
  const { url, filename, type } = await now.photo.result({ ...wish(), ...more }, { onWait });
  return new File([await (await fetch(url)).blob()], filename, { type });
}

const jobs = {
  places: help,
  vary,
  copy: () => navigator.clipboard.write([new ClipboardItem({ "image/png": picture({ format: "png" }) })]),
  share: async () => navigator.share({ files: [await picture()] }),
};
const clicks = {
  undo: () => step(-1),
  redo: () => step(1),
  "zoom-in": () => zoom(view.scale * 1.5),
  "zoom-out": () => zoom(view.scale / 1.5),
  "zoom-fit": fit,
  "zoom-full": () => zoom(1 / devicePixelRatio),
  "point-add": () => add(placeOf(middle())),
  "point-remove": () => remove(now.selected),
  dropper: () => { $("dropper").ariaPressed = !isPressed("dropper"); },
  "brush-clear": () => change({ keep: [] }),
  "unused-remove"() {
    change(possible(now.photo.edit));
    $("model").focus();
  },
  reset: () => change(UNCHANGED),
  done: () => editor.close(),
  "example-none"() {
    change({ like: [] });
    $("example-file").focus();
  },
  "example-picture"({ target, offsetX, offsetY }) {
    use(colorAt(target, offsetX / target.clientWidth, offsetY / target.clientHeight));
  },
  "same-look"() {
    const { hints, keep, ...look } = now.photo.edit;
    const others = now.others();
    for (const { photo } of others) photo.change(look);
    for (const card of others) card.refresh();
    say(t("same-done", { count: others.length }));
  },
};

editor.addEventListener("click", (event) => {
  const target = event.target.closest("button, img");
  if (!target || target.ariaDisabled === "true") return;
  if (target.matches(".swatch")) use(target.value);
  else if (jobs[target.id]) work(target, jobs[target.id]);
  else clicks[target.id]?.(event);
});
$("wish").addEventListener("submit", (event) => {
  event.preventDefault();
  work($("save"), () => now.photo.save(wish(), { onWait }));
});
editor.addEventListener("input", ({ target: { id, value, valueAsNumber } }) => {
  if (id === "pick") follow(withHint({ color: value }));
  else if (id === "radius") follow(withHint({ radius: valueAsNumber }));
  else if (LOOK.includes(id)) follow({ [id]: valueAsNumber });
  else if (id === "size") draw();
});
editor.addEventListener("change", ({ target }) => {
  const { id, value } = target;
  if (id === "pick") use(value);
  if (id === "model") follow({ model: value, temperature: null, saturation: null, strength: null }); // it has its own
  if (id === "example-file") {
    lend(target.files[0]);
    target.value = ""; // the same file may be chosen again
  }
  settle();
});
editor.addEventListener("keydown", onKey);
editor.addEventListener("keyup", () => {
  original(false);
  if (now.photo.draft) settle();
});
for (const kind of ["drop", "paste"]) {
  editor.addEventListener(kind, (event) => {
    event.preventDefault();
    lend((event.dataTransfer ?? event.clipboardData).files[0]);
  });
}
points.addEventListener("focusin", ({ target }) => select(indexOf(target)));
addEventListener("blur", () => original(false)); // a key that is let go elsewhere is not heard here
for (const kind of ["pointerdown", "pointerup", "pointerleave"]) {
  $("original").addEventListener(kind, () => original(kind === "pointerdown"));
}
for (const palette of editor.querySelectorAll(".palette .swatches")) {
  showColors(palette, palette.dataset.colors.split(" "));
}
$("copy").hidden = !navigator.clipboard?.write;
$("share").hidden = !navigator.canShare?.({ files: [new File([""], "a.png", { type: "image/png" })] });
