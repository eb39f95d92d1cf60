// The editor: colors put on the chosen photo with a click, a brush that keeps parts grey, and the look of it all.
// What the visitor wants is in photo.edit; whatever changes it, draw() brings the screen to what it says.
import { colorAt, colorsOf, isColorful, lightOf, nameOf } from "./color.js";
import { $, make, once, show, within } from "./dom.js";
import { storage } from "./memory.js";
import { UNCHANGED } from "./photo.js";
import { modelOf, possible } from "./studio.js";
import { Problem, t } from "./texts.js";
import { close, fit, hooks, image, letGo, middle, move, onWait, open, placeOf, render, say, view, zoom } from "./view.js";

const LOOK = ["temperature", "saturation", "strength"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const [editor, stage, points, eye] = ["editor", "stage", "points", "original"].map($);
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
    likely: [], // colors at the selected point
    places: [], // where a hint helps
    closed: new AbortController(),
  };
  photo.onNews = draw;
  eye.ariaPressed = $("dropper").ariaPressed = false;
  say("");
  $("variants").replaceChildren();
  $("editor-title").textContent = t("editor", photo);
  $("examples").replaceChildren(...others().map(({ picture, photo: { name } }) => thumbnail(picture, name, () => lend(picture))));
  $("radius").max = $("size").max = Math.max(8, Math.round(photo.longer / 6));
  $("size").value = photo.longer / 25;
  $("mask").setAttribute("viewBox", `0 0 ${photo.info.width} ${photo.info.height}`);
  editor.showModal();
  $("editor-title").focus();
  open(photo, card.picture).then(() => editor.open && draw()); // points look as light as the picture there
  draw();
  choose("view", "color");
  choose("tab", can("hints") ? "points" : "look");
}

editor.oncancel = letGo; // before it closes
editor.onclose = () => {
  const { card, photo, closed } = now;
  photo.onNews = null;
  closed.abort();
  close();
  if (photo.gone) return; // removed in another tab
  card.run();
  card.adjust.focus();
};

/** Whether the model takes hints, or a temperature: then it also knows likely colors and follows examples. */
const can = (what) => what in modelOf(now.photo.edit).dataset;
const chosen = (name) => editor.querySelector(`[name=${name}]:checked`).value;
const isPicking = () => $("dropper").ariaPressed === "true";

function choose(name, value) {
  editor.querySelector(`[name=${name}][value=${value}]`).checked = true;
}

/** Do what takes a while, one of the jobs below, and say what comes of it. */
function work(button, job) {
  const { closed: { signal } } = now;
  once(button, () => {
    say(t("coloring"));
    // What is saved goes on when the editor closes, in silence.
    return job({ onWait: (seconds) => signal.aborted || onWait(seconds), signal }).catch(({ name, message }) => (
      { AbortError: "", NotAllowedError: t("press-again") }[name] ?? message));
  }, (words) => signal.aborted || say(words));
}

const button = (more) => make("button", { type: "button", ...more });

function thumbnail(source, alt, onclick) {
  const [one, small] = [button({ className: "variant", onclick }), make("img", { alt, draggable: false })];
  one.append(small);
  show(small, source);
  return one;
}

/** Have as many buttons as there are items. Those that are there stay, since one of them may have the focus. */
function fill(row, className, items) {
  while (row.children.length > items.length) row.lastElementChild.remove();
  for (const [at, item] of items.entries()) {
    Object.assign(row.children[at] ?? row.appendChild(button({ className })), item);
  }
}

/** Bring points, brush and panel to what the edit says. */
function draw() {
  const { photo, likely } = now;
  if (photo.gone) return editor.close();
  const { hints, keep, like, ...look } = photo.edit;
  const model = modelOf(look);
  model.selected = true;
  $("unused").hidden = !photo.unused;
  const hint = hints[now.selected];
  if (!hint) now.selected = -1;
  const named = ({ color }, at) => ({ number: at + 1, color: nameOf(color) });
  fill(points, "point", hints.map((one, at) => (
    { ariaPressed: one === hint, ariaLabel: t("point", named(one, at)), style: lying(one) })));
  fill($("rings"), "ring", now.places.map((one, at) => (
    { ariaLabel: t("place", named(one, at)), style: lying(one) })));
  if (hint) {
    $("point-tools").style = lying(hint); // for its color there
    $("pick").value = hint.color;
    $("radius").value = hint.radius;
  }
  const swatches = (row, colors, words = colors.map(nameOf)) => fill(row, "swatch", colors.map((value, at) => ({
    value, title: words[at], style: `--color: ${value}`, ariaPressed: value === (hint?.color ?? now.paint),
  })));
  swatches($("swatches"), likely.map(({ swatch }) => swatch), likely.map(({ swatch, probability }) => (
    t("likely-color", { color: nameOf(swatch), percent: Math.round(100 * probability) }))));
  swatches($("recent-colors"), recent());
  swatches($("example-colors"), [...new Map(like.map((color) => [nameOf(color), color])).values()]); // one of a name
  for (const row of editor.querySelectorAll("[data-palette]")) swatches(row, row.dataset.palette.split(" "));
  $("example-picture").hidden = $("example-picture").dataset.colors !== String(like);
  for (const name of LOOK) $(name).value = look[name] ?? model.dataset[name] ?? 0;
  for (const output of editor.querySelectorAll("output")) {
    const { value, step } = $(output.htmlFor.value);
    output.value = step < 1 ? Number(value).toFixed(2) : `${value} px`;
  }
  const idle = {
    undo: !photo.at,
    redo: !photo.history[photo.at + 1],
    "brush-clear": !keep.length,
    reset: JSON.stringify(photo.edit) === JSON.stringify(UNCHANGED),
  };
  for (const [id, is] of Object.entries(idle)) $(id).ariaDisabled = is; // not disabled: that would lose the focus
  stage.style.setProperty("--size", $("size").value);
  drawMask();
  render();
  suggest();
}

function drawMask() {
  const { stroke, photo: { edit } } = now;
  $("strokes").innerHTML = (stroke ? [...edit.keep, stroke] : edit.keep).map(({ points: places, radius, erase }) => (
    `<polyline points="${[...places, places.at(-1)]}" stroke="${erase ? "black" : "white"}" stroke-width="${2 * radius}"/>`)).join("");
}

/** Where a hint lies on the photo, and its color there. */
function lying({ x, y, color, radius }) {
  const { width, height } = now.photo.info;
  return `left: ${100 * x / width}%; top: ${100 * y / height}%; --spot: ${radius / width}; --color: ${color}; --light: ${lightOf(shown({ x, y }))}`;
}

/** Show which colors are likely at the selected point, given the others. */
async function suggest() {
  const { photo, selected, closed: { signal } } = now;
  const { hints } = photo.edit;
  const hint = hints[selected];
  if (!hint || photo.draft || !can("temperature")) return;
  const asked = { ...photo.edit, hints: hints.toSpliced(selected, 1), x: hint.x, y: hint.y, count: 6 };
  const key = JSON.stringify(asked);
  if (key === now.asked) return;
  now.asked = key;
  // Without swatches there is still the picker.
  const { suggestions } = await photo.ask("suggestions", asked, { signal }).catch(() => ({ suggestions: [] }));
  if (signal.aborted || key !== now.asked) return;
  now.likely = suggestions;
  draw();
}

/** Go back or forth, and keep the focus where keys are heard. */
function step(by) {
  letGo();
  now.photo.step(by);
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
  return colorAt(image, x / width, y / height);
}

/** Put a point on the photo: of the color picked last, or of what is there, to be changed from there. */
function add(spot) {
  const { photo, paint } = now;
  const { hints } = photo.edit;
  now.selected = hints.length;
  now.added = performance.now();
  choose("view", "color"); // where points are shown
  const radius = Math.max(1, Math.round(photo.longer / 64));
  photo.change({ hints: [...hints, { color: paint ?? shown(spot), radius, ...spot }] });
  points.children[now.selected].focus({ preventScroll: true });
}

const indexOf = (one) => [...one.parentElement.children].indexOf(one);

/** Give the selected point a color, or else the next one. */
function use(color) {
  now.paint = color;
  storage.colorfulColors = JSON.stringify([...new Set([color, ...recent()])].slice(0, 8));
  $("dropper").ariaPressed = false;
  if (now.selected >= 0) now.photo.change(withHint({ color }));
  else draw();
}

/** Begin a brush stroke at a place; what is given takes it further. */
function brush(place) {
  const spot = ({ x, y }) => [x, y].map((value) => Math.round(10 * value) / 10);
  const stroke = { points: [spot(place)], radius: $("size").valueAsNumber, erase: chosen("pen") === "erase" };
  now.stroke = stroke;
  return (to) => {
    const [[x, y], [nextX, nextY]] = [stroke.points.at(-1), spot(to)];
    if (Math.hypot(nextX - x, nextY - y) > stroke.radius / 8) stroke.points.push([nextX, nextY]);
    drawMask();
  };
}

Object.assign(hooks, {
  tap(place) {
    const spot = onPhoto(place);
    if (Math.hypot(spot.x - place.x, spot.y - place.y) > 1) return; // beside it
    if (isPicking()) use(shown(spot));
    else if (chosen("tab") === "points" && can("hints")) add(spot);
  },
  /** A double click fits the photo in; the point of its first half is taken back. */
  double() {
    if (now.added > performance.now() - 700) step(-1);
    fit();
  },
  grab(target, place) {
    if (chosen("tab") === "brush") return brush(place);
    if (!target.matches(".point")) return null;
    target.focus({ preventScroll: true }); // which selects it
    return (to) => now.photo.follow(withHint(onPhoto(to)));
  },
  /** What a drag has moved stays there; a stroke that is not done is dropped. */
  end(done) {
    const { stroke, photo } = now;
    now.stroke = null;
    if (stroke && done) photo.change({ keep: [...photo.edit.keep, stroke] });
    photo.settle();
    drawMask();
  },
});

/** Keys: those that buttons name; arrows move a point or, on the stage, a cross, and Enter does what a click does. */
function onKey(event) {
  const { key, shiftKey, target } = event;
  const held = event.ctrlKey || event.metaKey;
  const name = held ? `Control+${shiftKey ? "Shift+" : ""}${key}` : key;
  const named = !event.altKey && (held || target.tagName !== "SELECT")
    && editor.querySelector(`[aria-keyshortcuts~="${CSS.escape(name)}" i]`);
  const [dx, dy] = ARROWS[key] ?? [];
  if (named === eye || (target === eye && key === " ")) original(true);
  else if (named?.checkVisibility()) named.click();
  else if (target.matches(".point") && ARROWS[key]) {
    const { photo, selected } = now;
    const { x, y } = photo.edit.hints[selected];
    const far = Math.max(1, photo.longer / (shiftKey ? 20 : 200));
    photo.follow(withHint(onPhoto({ x: x + dx * far, y: y + dy * far })));
  } else if (target === stage && ARROWS[key]) move(dx * (shiftKey ? 64 : 8), dy * (shiftKey ? 64 : 8));
  else if (target === stage && (key === "Enter" || key === " ")) press(placeOf(), shiftKey);
  else return;
  event.preventDefault();
}

/** Do what a click does, or draw a line with the brush from where it was. */
function press(place, line) {
  const { photo } = now;
  const [x, y] = (line && photo.edit.keep.at(-1)?.points.at(-1)) || [place.x, place.y];
  const drag = hooks.grab(stage, { x, y });
  if (!drag) return hooks.tap(place);
  drag(place);
  hooks.end(true);
}

const original = (on) => { eye.ariaPressed = on; };

/** Offer whole pictures to choose from. */
async function vary(options) {
  const { photo } = now;
  const { variants } = await photo.ask("variants", photo.edit, options);
  const choices = await Promise.all(variants.map(async (variant, at) => {
    const hints = [...photo.edit.hints, ...variant.hints];
    const picture = await photo.preview({ ...photo.edit, hints }, 240, options);
    return thumbnail(picture, t("variant", { number: at + 1 }), () => photo.change({ hints }));
  }));
  $("variants").replaceChildren(...choices);
  return choices[0] ? "" : t("no-variants");
}

/** Show rings where a hint helps most; one that is clicked becomes a point. */
async function help(options) {
  ({ places: now.places } = await now.photo.ask("places", now.photo.edit, options));
  draw();
  $("rings").firstElementChild?.focus({ preventScroll: true });
}

/** Have colors like those of a picture. */
function lend(source) {
  if (!source || !can("temperature")) return;
  choose("tab", "look");
  const picture = $("example-picture");
  work($("example-file"), async ({ signal }) => {
    picture.dataset.colors = "";
    picture.hidden = true; // draw() shows it once its colors are taken
    await show(picture, source);
    if (signal.aborted) return "";
    if (!picture.naturalWidth) return t("example-unread");
    const like = colorsOf(picture, 12);
    if (!like.some(isColorful)) return t("example-grey");
    picture.dataset.colors = like;
    now.photo.change({ like });
    return "";
  });
}

/** What the full-size result is to be: the fields of the form. */
const wish = () => Object.fromEntries(new FormData($("wish")));

async function picture({ onWait }, more) {
  const { url, filename, type } = await now.photo.result({ ...wish(), ...more }, { onWait });
  const blob = await (await fetch(url)).blob();
  if (blob.type !== type) throw new Problem({ code: "busy" }); // it has made room for others
  return new File([blob], filename, { type });
}

const jobs = {
  places: help,
  vary,
  copy: (options) => navigator.clipboard.write([new ClipboardItem({ "image/png": picture(options, { format: "png" }) })]),
  share: async (options) => navigator.share({ files: [await picture(options)] }),
};
// By id or class of what is clicked.
const clicks = {
  undo: () => step(-1),
  redo: () => step(1),
  "zoom-in": () => zoom(view.scale * 1.5),
  "zoom-out": () => zoom(view.scale / 1.5),
  "zoom-fit": fit,
  "zoom-full": () => zoom(1 / devicePixelRatio),
  "point-add": () => add(placeOf(middle())),
  "point-remove"() {
    const { photo, selected } = now;
    letGo();
    now.selected = -1;
    photo.change({ hints: photo.edit.hints.toSpliced(selected, 1) });
    (points.children[selected] ?? points.lastElementChild ?? $("point-add")).focus();
  },
  dropper: () => { $("dropper").ariaPressed = !isPicking(); },
  swatch: ({ target }) => use(target.value),
  ring: ({ target }) => add(...now.places.splice(indexOf(target), 1)),
  "brush-clear": () => now.photo.change({ keep: [] }),
  "unused-remove"() {
    now.photo.change(possible(now.photo.edit));
    $("model").focus();
  },
  reset: () => now.photo.change(UNCHANGED),
  done: () => editor.close(),
  "example-none"() {
    now.photo.change({ like: [] });
    $("example-file").focus();
  },
  "example-picture"({ target, offsetX, offsetY }) {
    use(colorAt(target, offsetX / target.clientWidth, offsetY / target.clientHeight));
  },
  "same-look"() {
    const { hints, keep, ...look } = now.photo.edit;
    const others = now.others();
    for (const card of others) {
      card.photo.change(look);
      card.run();
    }
    say(t("same-done", { count: others.length }));
  },
};

editor.onclick = (event) => {
  const target = event.target.closest("button, img");
  if (!target || target.ariaDisabled === "true") return;
  if (jobs[target.id]) work(target, jobs[target.id]);
  else clicks[target.id || target.className]?.(event);
};
$("wish").onsubmit = (event) => {
  event.preventDefault();
  work($("save"), ({ onWait }) => now.photo.save(wish(), { onWait }));
};
editor.oninput = ({ target }) => {
  const { name, type, value, valueAsNumber } = target;
  const said = { [name]: type === "range" ? valueAsNumber : value };
  if (target.closest("#point-tools")) now.photo.follow(withHint(said));
  else if (target.closest(".look-tab") && name) now.photo.follow(said);
  else draw();
};
editor.onchange = ({ target }) => {
  const { id, value, files } = target;
  if (id === "pick") use(value);
  if (id === "model") now.photo.follow({ temperature: null, saturation: null, strength: null }); // it has its own
  if (id === "example-file") {
    lend(files[0]);
    target.value = ""; // the same file may be chosen again
  }
  now.photo.settle();
};
editor.onkeydown = onKey;
editor.onkeyup = () => {
  original(false);
  now.photo.settle();
};
editor.ondrop = editor.onpaste = (event) => {
  event.preventDefault();
  lend((event.dataTransfer ?? event.clipboardData).files[0]);
};
points.addEventListener("focusin", ({ target }) => {
  now.selected = indexOf(target);
  draw();
});
window.onblur = () => original(false); // a key that is let go elsewhere is not heard here
eye.onpointerdown = eye.onpointerup = eye.onpointerleave = ({ type }) => original(type === "pointerdown");
$("copy").hidden = !navigator.clipboard?.write;
$("share").hidden = !navigator.canShare?.({ files: [new File([""], "a.png", { type: "image/png" })] });
