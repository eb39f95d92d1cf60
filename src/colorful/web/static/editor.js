// The editor: colors put on the chosen photo with a click, a brush that keeps parts grey, and the look of it all.
import { colorsOf, isColorful, lightOf, nameOf } from "./color.js";
import { UNCHANGED } from "./photo.js";
import { t } from "./texts.js";
import { Layer, View, within } from "./view.js";

const $ = (id) => document.getElementById(id);
const models = JSON.parse($("models").textContent);
const LOOK = ["temperature", "saturation", "strength"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const RECENT = "colorful-colors";
const [editor, stage, points] = [$("editor"), $("stage"), $("points")];

/** A button of a color. */
function swatch(color, words = nameOf(color)) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "swatch", title: words, ariaLabel: words });
  button.dataset.color = color;
  button.style.setProperty("--color", color);
  return button;
}

/** A button with a picture. */
function thumbnail(src, alt) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "variant" });
  button.append(Object.assign(new Image(), { src, alt }));
  return button;
}

class Editor {
  selected = -1; // the point whose color and size the panel shows
  paint = null; // the color picked last, which the next point gets; null: what the picture shows there
  from = null; // the edit that a drag or a slider started from
  stroke = null; // of the brush, while it is drawn
  lights = new Map(); // L of the photo by place

  constructor() {
    const layer = (kind, load) => new Layer([...$("canvas").querySelectorAll(`.${kind}`)], load, (problem) => this.say(problem?.message ?? ""));
    this.after = layer("after", (edit, region, side, signal) => this.photo.preview(edit, side, { ...this.waiting, signal }, region));
    this.before = layer("before", (edit, region, side) => this.photo.before(side, region));
    this.waiting = { onWait: (seconds) => this.say(t("waiting", { seconds })) };
    this.view = new View(stage, {
      tap: (place) => this.tap(place),
      double: () => this.double(),
      pen: (phase, place) => this.pen(phase, place),
      moved: () => this.moved(),
    });
    for (const palette of editor.querySelectorAll("[data-colors]")) {
      palette.append(...palette.dataset.colors.split(" ").map((color) => swatch(color)));
    }
    this.listen();
  }

  /** Open the editor on the photo of a card; `others` gives the other cards. */
  open(card, others) {
    Object.assign(this, { card, others, photo: card.photo, selected: -1, paint: null });
    this.lights.clear();
    for (const id of ["rings", "variants"]) $(id).replaceChildren();
    $("editor-title").textContent = stage.ariaLabel = t("editor", { name: this.photo.name });
    this.view.slider.ariaLabel = t("compare-name", { name: this.photo.name });
    this.after.whole.alt = t("after-name", { name: this.photo.name });
    $("model").replaceChildren(...models.map(({ name }) => new Option(name, name)));
    $("model-row").hidden = models.length < 2;
    $("same-look").hidden = !others().length;
    this.pictured = null;
    $("examples").replaceChildren(...others().map(({ photo: { name }, compare }) => {
      const button = thumbnail(compare.after.src, name);
      button.onclick = () => this.example(compare.after);
      return button;
    }));
    $("radius").max = $("size").max = Math.max(8, Math.round(this.photo.longer / 6));
    $("size").value = this.photo.longer / 25;
    for (const image of [this.after, this.before]) image.reset();
    this.after.whole.src = card.compare.after.src;
    editor.showModal();
    $("editor-title").focus();
    this.choose("view", "color");
    this.choose("tab", this.model.takes_hints ? "points" : "look");
    this.view.open(this.photo);
    this.draw();
  }

  close() {
    this.settle();
    for (const layer of [this.after, this.before]) layer.close();
    clearTimeout(this.timer);
    this.suggesting?.abort();
    this.view.photo = null;
    this.card.refresh().catch((problem) => this.card.fail(problem));
    this.card.adjust.focus();
  }

  get model() {
    return models.find(({ name }) => name === this.photo.edit.model) ?? models.find((one) => one.default);
  }

  choose(name, value) {
    editor.querySelector(`input[name=${name}][value=${value}]`).checked = true;
    editor.dataset[name] = value;
  }

  say(words) {
    $("editor-state").textContent = words;
  }

  /** Bring points, brush and panel to what the edit says. */
  draw() {
    const { edit, info, past, future } = this.photo;
    const { hints } = edit;
    if (this.selected >= hints.length) this.selected = -1;
    while (points.children.length > hints.length) points.lastElementChild.remove();
    while (points.children.length < hints.length) points.append(Object.assign(document.createElement("button"), { type: "button", className: "point" }));
    hints.forEach((hint, at) => {
      const point = points.children[at];
      Object.assign(point.style, { left: `${100 * hint.x / info.width}%`, top: `${100 * hint.y / info.height}%` });
      point.style.setProperty("--color", hint.color);
      point.style.setProperty("--light", this.light(hint));
      point.style.setProperty("--spot", hint.radius / info.width);
      point.setAttribute("aria-pressed", at === this.selected);
      point.ariaLabel = t("point", { number: at + 1, color: nameOf(hint.color) });
    });
    const hint = hints[this.selected];
    $("point-tools").hidden = !hint;
    if (hint) {
      $("pick").value = hint.color;
      $("point-tools").style.setProperty("--light", this.light(hint));
      $("point-tools").style.setProperty("--color", hint.color);
      $("radius").value = hint.radius;
    }
    const { model } = this;
    $("likely").hidden = $("temperature-row").hidden = $("places").hidden = $("example").hidden = model.temperature === null;
    $("vary-row").hidden = model.temperature === null || !model.takes_hints;
    editor.classList.toggle("no-hints", !model.takes_hints);
    for (const name of LOOK) $(name).value = edit[name] ?? model[name] ?? 0;
    $("model").value = model.name;
    for (const output of editor.querySelectorAll("output")) {
      const { value, step } = $(output.htmlFor.value);
      output.value = step < 1 ? Number(value).toFixed(2) : `${value} px`;
    }
    for (const [id, works] of [["undo", past.length], ["redo", future.length], ["reset", this.photo.changed], ["brush-clear", edit.keep?.length]]) {
      $(id).setAttribute("aria-disabled", !works); // not disabled: that would lose the focus
    }
    const like = edit.like ?? [];
    $("example-colors").hidden = $("example-none").hidden = !like.length;
    if (like.join() !== this.like) $("example-colors").lastElementChild.replaceChildren(...[...new Map(like.map((color) => [nameOf(color), color]))].map(([, color]) => swatch(color)));
    this.like = like.join();
    $("example-picture").hidden = this.like !== this.pictured;
    const recent = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
    $("recent").hidden = !recent.length;
    if (recent.join() !== this.recent) $("recent").lastElementChild.replaceChildren(...recent.map((color) => swatch(color)));
    this.recent = recent.join();
    for (const one of editor.querySelectorAll(".swatch")) one.setAttribute("aria-pressed", one.dataset.color === (hint ? hint.color : this.paint));
    this.drawMask();
    this.render();
  }

  drawMask() {
    const { info, edit, longer } = this.photo;
    const scale = Math.min(1, 1200 / longer);
    Object.assign($("mask"), { width: Math.ceil(info.width * scale), height: Math.ceil(info.height * scale) });
    const pen = Object.assign($("mask").getContext("2d"), { lineCap: "round", lineJoin: "round", strokeStyle: "#19a3b8" });
    for (const { points: places, radius, erase } of [...edit.keep ?? [], this.stroke]
      .filter(Boolean)) {
      pen.globalCompositeOperation = erase ? "destination-out" : "source-over";
      pen.lineWidth = 2 * radius * scale;
      pen.beginPath();
      for (const [x, y] of [...places, places.at(-1)]) pen.lineTo(x * scale, y * scale);
      pen.stroke();
    }
  }

  /** Show the picture of the edit and, looked at closely, the part in sight; by and by what comes last. */
  render(delay = 0) {
    stage.ariaBusy = "true";
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      const { view, photo, after, before } = this;
      const side = Math.min(photo.longer, Math.ceil(photo.longer * view.least * view.ratio));
      const compared = editor.dataset.view === "compare" || editor.dataset.original;
      const wish = (layer, edit) => layer.update({ edit, key: JSON.stringify(edit), side, part: () => !this.from && view.part(layer) });
      await Promise.all([wish(after, photo.edit), compared && wish(before, null)]);
      if (!after.request && !before.request) stage.ariaBusy = null;
    }, delay);
  }

  /** Change the edit as one step that can be undone. */
  change(more) {
    this.photo.change({ ...this.photo.edit, ...more });
    this.draw();
  }

  /** Change the edit while a drag or slider is still moving; `settle` makes it one step. */
  follow(more) {
    this.from ??= this.photo.edit;
    this.photo.edit = { ...this.photo.edit, ...more };
    this.draw();
  }

  settle() {
    const { from } = this;
    this.from = null;
    if (!from || this.photo.edit === from) return;
    this.photo.change(this.photo.edit, from);
    this.draw();
  }

  /** Go back or forth, and keep the focus where keys are heard. */
  step(moved) {
    if (!moved) return;
    this.draw();
    this.suggest();
    if (!editor.contains(document.activeElement)) stage.focus();
  }

  withHint(at, more) {
    return { hints: this.photo.edit.hints.map((hint, index) => (index === at ? { ...hint, ...more } : hint)) };
  }

  onPhoto({ x, y }) {
    const { width, height } = this.photo.info;
    return { x: within(0, x, width - 0.01), y: within(0, y, height - 0.01) };
  }

  /** The color that the picture shows at a point of the photo. */
  shown({ x, y }) {
    const { whole } = this.after;
    const { width, height } = this.photo.info;
    return colorsOf(whole, [Math.floor(x / width * whole.naturalWidth), Math.floor(y / height * whole.naturalHeight), 1, 1])[0];
  }

  /** How light the photo is at a hint: as light will its color be. */
  light(hint) {
    const key = `${hint.x} ${hint.y}`;
    if (!this.lights.has(key)) this.lights.set(key, lightOf(this.shown(hint)));
    return this.lights.get(key);
  }

  /** What a click on the photo does. */
  tap(place) {
    const spot = this.onPhoto(place);
    if (Math.hypot(spot.x - place.x, spot.y - place.y) > 1) return; // beside it
    if (editor.dataset.dropper) this.use(this.shown(spot));
    else if (editor.dataset.tab === "points" && this.model.takes_hints) this.add(spot);
  }

  /** A double click fits the photo in; the point of its first half is taken back. */
  double() {
    if (this.added > performance.now() - 700) this.step(this.photo.undo());
    this.view.fit();
  }

  /** Put a point on the photo: of the color picked last, or of what is there, to be changed from there. */
  add(spot) {
    this.selected = this.photo.edit.hints.length;
    this.choose("view", "color"); // where points are shown
    this.change({ hints: [...this.photo.edit.hints, { color: this.paint ?? this.shown(spot), radius: Math.max(1, Math.round(this.photo.longer / 64)), ...spot }] });
    this.added = performance.now();
    this.suggest();
    points.children[this.selected].focus({ preventScroll: true });
  }

  select(at) {
    if (this.selected === at) return;
    this.selected = at;
    this.draw();
    this.suggest();
  }

  remove(at) {
    this.selected = -1;
    this.change({ hints: this.photo.edit.hints.filter((_, index) => index !== at) });
    (points.children[Math.min(at, points.children.length - 1)] ?? $("point-add")).focus();
  }

  /** Give the selected point a color, or else the next one. */
  use(color) {
    this.recall(color);
    this.drop(false);
    if (this.photo.edit.hints[this.selected]) this.change(this.withHint(this.selected, { color }));
    else this.draw();
  }

  /** Keep a color for the next points. */
  recall(color) {
    this.paint = color;
    localStorage.setItem(RECENT, JSON.stringify([...new Set([color, ...JSON.parse(localStorage.getItem(RECENT) ?? "[]")])].slice(0, 8)));
  }

  drop(on) {
    if (on) editor.dataset.dropper = "on";
    else delete editor.dataset.dropper;
    $("dropper").setAttribute("aria-pressed", on);
  }

  /** Show which colors are likely at the selected point, given the others. */
  async suggest() {
    this.suggesting?.abort();
    const { edit } = this.photo;
    const hint = edit.hints[this.selected];
    if (!hint || this.model.temperature === null) return;
    const { signal } = this.suggesting = new AbortController();
    const others = { ...edit, hints: edit.hints.filter((one) => one !== hint) };
    // Without swatches there is still the picker.
    const likely = await this.photo.suggestions(others, hint.x, hint.y, { signal }).catch(() => []);
    if (signal.aborted) return;
    const at = [...$("swatches").children].indexOf(document.activeElement);
    $("swatches").replaceChildren(...likely.map(({ swatch: color, probability }) => (
      swatch(color, t("likely-color", { color: nameOf(color), percent: Math.round(100 * probability) })))));
    $("swatches").children[at]?.focus();
    this.draw();
  }

  /** The brush: a stroke begins, goes on, ends or is called off. */
  pen(phase, place) {
    if (editor.dataset.tab !== "brush") return false;
    const spot = place && [place.x, place.y].map((value) => Math.round(10 * value) / 10);
    if (phase === "down") {
      this.stroke = { points: [spot], radius: Number($("size").value), erase: editor.dataset.pen === "erase" };
    } else if (phase === "move") {
      const [x, y] = this.stroke.points.at(-1);
      if (Math.hypot(spot[0] - x, spot[1] - y) > this.stroke.radius / 8) this.stroke.points.push(spot);
    } else {
      const { stroke } = this;
      this.stroke = null;
      this.last = stroke.points.at(-1);
      if (phase === "up") this.change({ keep: [...this.photo.edit.keep ?? [], stroke] });
    }
    this.drawMask();
    return true;
  }

  /** Something moved: the cross, the brush, or what is in sight. */
  moved() {
    const { anchor, scale } = this.view;
    const size = editor.dataset.tab === "brush" ? 2 * $("size").value * scale : 24;
    $("cross").hidden = !anchor || (editor.dataset.tab !== "brush" && !this.keys);
    if (anchor) Object.assign($("cross").style, { translate: `${anchor.x - size / 2}px ${anchor.y - size / 2}px`, width: `${size}px`, height: `${size}px` });
    if (this.view.photo && this.sight !== `${this.view.x} ${this.view.y} ${scale}`) this.render(150);
    this.sight = `${this.view.x} ${this.view.y} ${scale}`;
  }

  /** Keys on the stage: a cross that moves, and does what a click does. */
  key(event) {
    const { view } = this;
    const [dx, dy] = ARROWS[event.key] ?? [0, 0];
    if (dx || dy) {
      event.preventDefault();
      const far = event.shiftKey ? 64 : 8;
      const at = view.anchor ?? view.middle();
      const to = { x: at.x + dx * far, y: at.y + dy * far };
      view.anchor = { x: within(0, to.x, stage.clientWidth), y: within(0, to.y, stage.clientHeight) };
      this.keys = true;
      view.pan(view.anchor.x - to.x, view.anchor.y - to.y); // beyond the edge the photo moves
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      const place = view.place(view.anchor ?? view.middle());
      if (this.pen("down", place)) {
        if (event.shiftKey && this.last) this.stroke.points.unshift(this.last);
        this.pen("up");
      } else {
        this.tap(place);
      }
    }
  }

  original(on) {
    if (on) editor.dataset.original = "on";
    else delete editor.dataset.original;
    $("original").setAttribute("aria-pressed", on);
    this.render();
  }

  /** Offer whole pictures to choose from. */
  async vary() {
    const { photo } = this;
    this.say(t("coloring"));
    const found = await photo.variants(this.waiting);
    const choices = await Promise.all(found.map(async ({ hints }) => {
      const edit = { ...photo.edit, hints: [...photo.edit.hints, ...hints] };
      return [edit, URL.createObjectURL(await photo.preview(edit, 240, this.waiting))];
    }));
    $("variants").replaceChildren(...choices.map(([edit, src], at) => {
      const button = thumbnail(src, t("variant", { number: at + 1 }));
      button.onclick = () => this.change({ hints: edit.hints });
      return button;
    }));
    this.say(choices.length ? "" : t("no-variants"));
  }

  /** Have colors like those of a picture: a file, or an image of the page. */
  async example(source) {
    const { photo } = this;
    const picture = await createImageBitmap(source).catch(() => null);
    if (!picture || photo !== this.photo) return this.say(picture ? "" : t("example-unread"));
    const { width, height } = picture;
    const like = colorsOf(picture, [0, 0, width, height], 12);
    if (!like.some(isColorful)) return this.say(t("example-grey"));
    const scale = 640 / Math.max(width, height);
    const canvas = Object.assign($("example-picture"), { width: Math.ceil(width * scale), height: Math.ceil(height * scale) });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    this.pictured = like.join();
    this.change({ like });
    return this.say("");
  }

  /** Show rings where a hint helps most; one that is clicked becomes a point. */
  async ring() {
    const { width, height } = this.photo.info;
    const places = await this.photo.places(this.waiting);
    $("rings").replaceChildren(...places.map((hint, at) => {
      const ring = Object.assign(document.createElement("button"), { type: "button", className: "ring", ariaLabel: t("place", { number: at + 1, color: nameOf(hint.color) }) });
      Object.assign(ring.style, { left: `${100 * hint.x / width}%`, top: `${100 * hint.y / height}%` });
      ring.onclick = () => {
        ring.remove();
        this.add(hint);
      };
      return ring;
    }));
    $("rings").firstElementChild?.focus({ preventScroll: true });
  }

  /** Make the full-size result and do something with it. */
  async finish(work) {
    this.say(t("coloring"));
    try {
      await work({ format: $("format").value || null, layout: $("pair").checked ? "pair" : "single" });
      this.say("");
    } catch (problem) {
      this.say(problem.name === "AbortError" ? "" : problem.message);
    }
  }

  async picture(wish) {
    const { url, filename, type } = await this.photo.result(wish, this.waiting);
    return new File([await (await fetch(url)).blob()], filename, { type });
  }

  listen() {
    const on = (id, work, kind = "click") => $(id).addEventListener(kind, work);
    const zoom = (scale) => this.view.zoom(scale);
    const actions = {
      undo: () => this.step(this.photo.undo()),
      redo: () => this.step(this.photo.redo()),
      "zoom-in": () => zoom(this.view.scale * 1.5),
      "zoom-out": () => zoom(this.view.scale / 1.5),
      "zoom-fit": () => this.view.fit(),
      "zoom-full": () => zoom(1 / this.view.ratio),
      "point-add": () => this.add(this.view.place(this.view.middle())),
      "point-remove": () => this.remove(this.selected),
      dropper: () => this.drop(!editor.dataset.dropper),
      "brush-clear": () => this.photo.edit.keep?.length && this.change({ keep: [] }),
      reset: () => this.photo.changed && this.change({ ...UNCHANGED }),
      done: () => editor.close(),
      save: () => this.finish((wish) => this.photo.save(wish, this.waiting)),
      copy: () => this.finish(() => navigator.clipboard.write([new ClipboardItem({ "image/png": this.picture({ format: "png" }) })])),
      share: () => this.finish(async (wish) => navigator.share({ files: [await this.picture(wish)] })),
      vary: () => this.vary().catch((problem) => this.say(problem.message)),
      places: () => this.ring().catch((problem) => this.say(problem.message)),
      "example-none": () => {
        this.change({ like: [] });
        $("example-file").focus();
      },
      "example-picture": ({ offsetX, offsetY, target: { width, height, clientWidth, clientHeight } }) => (
        this.use(colorsOf($("example-picture"), [Math.floor(offsetX / clientWidth * width), Math.floor(offsetY / clientHeight * height), 1, 1])[0])),
      "same-look": () => {
        const look = Object.fromEntries([...LOOK, "model", "like"].map((name) => [name, this.photo.edit[name]]));
        for (const { photo, refresh } of this.others()) photo.change({ ...photo.edit, ...look });
        for (const card of this.others()) card.refresh().catch((problem) => card.fail(problem));
        this.say(t("same-done", { count: this.others().length }));
      },
    };
    for (const [id, work] of Object.entries(actions)) on(id, work);
    $("copy").hidden = !navigator.clipboard?.write;
    $("share").hidden = !navigator.canShare?.({ files: [new File([""], "a.png", { type: "image/png" })] });
    for (const kind of ["pointerdown", "pointerup", "pointerleave"]) on("original", () => this.original(kind === "pointerdown"), kind);
    on("original", ({ key }) => key === " " && this.original(true), "keydown");
    on("pick", () => { this.paint = $("pick").value; this.follow(this.withHint(this.selected, { color: this.paint })); }, "input");
    on("pick", () => { this.recall($("pick").value); this.settle(); this.draw(); }, "change");
    on("radius", () => this.follow(this.withHint(this.selected, { radius: Number($("radius").value) })), "input");
    on("size", () => this.draw(), "input");
    on("example-file", ({ target }) => {
      if (target.files.length) this.example(target.files[0]);
      target.value = "";
    }, "change");
    editor.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer.files[0];
      if (!file || $("example").hidden) return;
      this.choose("tab", "look");
      this.example(file);
    });
    for (const name of LOOK) on(name, () => this.follow({ [name]: Number($(name).value) }), "input");
    for (const id of ["radius", ...LOOK]) on(id, () => this.settle(), "change");
    on("model", () => {
      // What the new model cannot do is left out of the edit.
      const chosen = models.find(({ name }) => name === $("model").value);
      this.change({ model: chosen.name, hints: chosen.takes_hints ? this.photo.edit.hints : [], like: chosen.temperature === null ? [] : this.photo.edit.like, temperature: null, saturation: null, strength: null });
      this.suggest();
    }, "change");
    editor.addEventListener("change", ({ target }) => {
      if (target.type !== "radio") return;
      editor.dataset[target.name] = target.value;
      this.draw();
    });
    editor.addEventListener("click", ({ target }) => {
      if (target.matches(".swatch")) this.use(target.dataset.color);
    });
    editor.addEventListener("close", () => this.close());
    editor.addEventListener("keydown", (event) => {
      const key = event.key.toLowerCase();
      const act = (work) => { event.preventDefault(); work(); };
      if ((event.ctrlKey || event.metaKey) && !event.altKey) {
        if (key === "z" || key === "y") act(actions[key === "z" && !event.shiftKey ? "undo" : "redo"]);
      } else if (event.target.tagName !== "SELECT") {
        const id = { "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", 0: "zoom-fit", 1: "zoom-full" }[key];
        if (id) act(actions[id]);
        if (key === "o" && !event.repeat) this.original(true);
      }
    });
    editor.addEventListener("keyup", () => editor.dataset.original && this.original(false));
    stage.addEventListener("keydown", (event) => event.target === stage && this.key(event));
    stage.addEventListener("pointermove", () => { this.keys = false; });
    this.listenToPoints();
  }

  listenToPoints() {
    let dragged = null;
    const on = (kind, work) => points.addEventListener(kind, (event) => {
      const at = [...points.children].indexOf(event.target);
      if (at >= 0) work(event, at);
    });
    const end = () => {
      dragged = null;
      if (!this.from) return;
      this.settle();
      this.suggest();
    };
    on("focusin", (event, at) => this.select(at));
    on("pointerdown", (event, at) => {
      dragged = event;
      event.target.setPointerCapture(event.pointerId);
      this.select(at);
    });
    on("pointermove", (event, at) => {
      if (!dragged || (!this.from && Math.hypot(event.clientX - dragged.clientX, event.clientY - dragged.clientY) < 4)) return;
      this.follow(this.withHint(at, this.onPhoto(this.view.place(this.view.spot(event)))));
    });
    for (const kind of ["pointerup", "pointercancel", "focusout", "keyup"]) on(kind, end);
    on("keydown", (event, at) => {
      const hint = this.photo.edit.hints[at];
      const far = event.shiftKey ? this.photo.longer / 20 : Math.max(1, this.photo.longer / 200);
      const [dx, dy] = ARROWS[event.key] ?? [0, 0];
      if (dx || dy) {
        event.preventDefault();
        this.follow(this.withHint(at, this.onPhoto({ x: hint.x + dx * far, y: hint.y + dy * far })));
      } else if (event.key === "Delete" || event.key === "Backspace") {
        event.preventDefault();
        this.settle();
        this.remove(at);
      }
    });
  }
}

const one = new Editor();
export const openEditor = (card, others) => one.open(card, others);
