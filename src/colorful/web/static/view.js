// The photo on its stage: zoom and pan by wheel, fingers and keys, and the sharp part of what is in sight.
import { show } from "./compare.js";

const CLOSEST = 4; // pixels of the display for one of the photo

export const within = (low, value, high) => Math.max(low, Math.min(value, high));

/** One of the two pictures: the whole at the size of the display, and over it the part that is looked at closely. */
export class Layer {
  /** `load(edit, region, side, signal)` fetches the whole (no region) or a part. */
  constructor(images, load, onProblem) {
    [this.whole, this.part] = images;
    Object.assign(this, { load, onProblem });
    this.reset();
  }

  reset() {
    this.key = this.partKey = this.request = null;
    this.side = 0;
    this.images((image) => image.removeAttribute("src"));
  }

  images(work) {
    [this.whole, this.part].forEach(work);
  }

  /** Show the picture of a key (an edit, say), so many pixels large, and `part`: a region, its pixels and where it lies. */
  async update(wish) {
    this.wish = wish;
    if (this.request) {
      if (this.request.part) this.request.abort(); // a newer wish calls it off; the whole is left to come
      return;
    }
    while (this.wish) {
      const { edit, key, side } = this.wish;
      const part = key === this.key && this.wish.part();
      const partKey = part && `${key} ${part.region} ${part.side}`;
      const whole = key !== this.key || side > this.side;
      if (!whole && (!part || partKey === this.partKey)) break;
      this.request = Object.assign(new AbortController(), { part: !whole });
      const { signal } = this.request;
      try {
        const picture = await this.load(edit, whole ? null : part.region, whole ? side : part.side, signal);
        signal.throwIfAborted();
        if (whole) {
          if (key !== this.key) this.hide();
          await show(this.whole, picture);
          Object.assign(this, { key, side });
        } else {
          Object.assign(this.part.style, part.style);
          await show(this.part, picture);
          Object.assign(this, { partKey, shown: part, region: part.region, sharp: part.sharp });
        }
        this.onProblem(null);
      } catch (problem) {
        if (signal.aborted) continue;
        this.onProblem(problem);
        break;
      }
    }
    this.request = null;
  }

  hide() {
    this.part.removeAttribute("src");
    this.partKey = this.region = null;
  }

  close() {
    this.wish = null;
    this.request?.abort();
  }
}

export class View {
  /** The hooks: `tap`, `double`, `pen(phase, place)` which tells whether it takes the drag, and `moved`. */
  constructor(stage, hooks) {
    this.stage = stage;
    this.hooks = hooks;
    this.canvas = stage.querySelector(".canvas");
    this.slider = stage.querySelector(".slider");
    this.pointers = new Map();
    this.anchor = null; // the pointer over the stage, or the cross
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode ? 33 : 1;
      this.zoom(this.scale * Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), this.spot(event));
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, (event) => this.up(event));
    stage.addEventListener("pointerleave", () => { this.anchor = null; this.hooks.moved(); });
    stage.addEventListener("dblclick", (event) => {
      if (!event.target.closest(".slider")) this.hooks.double();
    });
    this.slider.addEventListener("input", () => this.divide());
    addEventListener("resize", () => this.photo && this.lay());
  }

  open(photo) {
    this.photo = photo;
    this.fitted = true;
    this.lay();
  }

  get ratio() {
    return devicePixelRatio;
  }

  /** Where an event lies on the stage. */
  spot({ clientX, clientY }) {
    const box = this.stage.getBoundingClientRect();
    return { x: clientX - box.left, y: clientY - box.top };
  }

  /** Where a spot of the stage lies on the photo. */
  place({ x, y }) {
    return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale };
  }

  /** Zoom to so many stage pixels for one of the photo; what is at the spot stays there, or comes there from another. */
  zoom(scale, at = this.anchor ?? this.middle(), from = at) {
    const to = within(this.least, scale, this.most);
    const { x, y } = this.place(from);
    Object.assign(this, { scale: to, x: at.x - x * to, y: at.y - y * to, fitted: to === this.least });
    this.lay();
  }

  middle() {
    return { x: this.stage.clientWidth / 2, y: this.stage.clientHeight / 2 };
  }

  fit() {
    this.fitted = true;
    this.lay();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.lay();
  }

  /** Bring the photo to where it belongs: it never leaves the stage, and fitted in it lies in the middle. */
  lay() {
    const { width, height } = this.photo.info;
    const room = { x: this.stage.clientWidth, y: this.stage.clientHeight };
    const border = Math.min(16, room.x / 20, room.y / 20);
    this.least = Math.min((room.x - 2 * border) / width, (room.y - 2 * border) / height, CLOSEST);
    this.most = Math.max(CLOSEST / this.ratio, this.least);
    if (this.fitted) this.scale = this.least;
    for (const [axis, length] of [["x", width * this.scale], ["y", height * this.scale]]) {
      const free = room[axis] - length;
      this[axis] = this.fitted ? free / 2 : within(Math.min(0, free - border), this[axis], Math.max(free, border));
    }
    Object.assign(this.canvas.style, {
      width: `${width * this.scale}px`, height: `${height * this.scale}px`, translate: `${this.x}px ${this.y}px`,
    });
    this.canvas.classList.toggle("close", this.scale * this.ratio >= 2);
    this.divide();
    this.hooks.moved();
  }

  /** Put the divider where the slider says: somewhere in what is in sight of the photo. */
  divide() {
    const { width } = this.photo.info;
    const left = Math.max(0, this.x);
    const right = Math.min(this.stage.clientWidth, this.x + width * this.scale);
    const at = left + (right - left) * this.slider.value / 100;
    Object.assign(this.slider.style, { left: `calc(${left}px - 1.25rem)`, width: `calc(${right - left}px + 2.5rem)` });
    this.stage.style.setProperty("--divider", `${at}px`);
    this.canvas.style.setProperty("--cut", `${this.x + width * this.scale - at}px`);
    this.slider.setAttribute("aria-valuetext", `${this.slider.value} %`);
  }

  /** The region in sight, a little wider, and how many pixels the display has for it; null if the whole is sharp enough. */
  part(layer) {
    const { width, height } = this.photo.info;
    const sharp = Math.min(1, this.scale * this.ratio);
    if (sharp <= 1.02 * layer.whole.naturalWidth / width) return null;
    const seen = this.place({ x: 0, y: 0 });
    const end = this.place({ x: this.stage.clientWidth, y: this.stage.clientHeight });
    const edges = [within(0, seen.x, width), within(0, seen.y, height), within(0, end.x, width), within(0, end.y, height)];
    const [left, top, wide, high] = layer.region ?? [0, 0, 0, 0];
    const covered = left <= edges[0] && top <= edges[1] && left + wide >= edges[2] && top + high >= edges[3];
    if (covered && layer.sharp >= sharp * 0.99) return layer.shown;
    const [aside, above] = [(edges[2] - edges[0]) / 5, (edges[3] - edges[1]) / 5];
    const from = [Math.floor(within(0, edges[0] - aside, width - 1)), Math.floor(within(0, edges[1] - above, height - 1))];
    const size = [Math.ceil(within(from[0] + 1, edges[2] + aside, width)) - from[0], Math.ceil(within(from[1] + 1, edges[3] + above, height)) - from[1]];
    const percent = (value, of) => `${100 * value / of}%`;
    return {
      region: [...from, ...size],
      side: within(64, Math.ceil(Math.max(...size) * sharp), 4096),
      sharp,
      style: {
        left: percent(from[0], width), top: percent(from[1], height), width: percent(size[0], width), height: percent(size[1], height),
      },
    };
  }

  down(event) {
    if (event.target.closest(".point, .ring, .slider") && !this.pointers.size) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.spot(event));
    if (this.pointers.size > 1) {
      if (this.drawing) this.hooks.pen("cancel");
      this.drawing = false;
      this.still = false;
      return;
    }
    this.still = true;
    this.drawing = event.button === 0 && this.hooks.pen("down", this.place(this.spot(event)));
  }

  move(event) {
    const now = this.spot(event);
    const last = this.pointers.get(event.pointerId);
    if (event.pointerType === "mouse" || last) this.anchor = now;
    if (!last) return this.hooks.moved();
    if (this.pointers.size > 1) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, spot]) => spot);
      const apart = (one) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
      const half = (one) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
      this.pointers.set(event.pointerId, now);
      return this.zoom(this.scale * apart(now) / apart(last), half(now), half(last));
    }
    if (this.drawing) {
      this.hooks.pen("move", this.place(now));
      this.hooks.moved();
    } else if (!this.still || Math.hypot(now.x - last.x, now.y - last.y) >= 4) {
      this.still = false;
      this.pan(now.x - last.x, now.y - last.y);
    } else {
      return undefined;
    }
    this.pointers.set(event.pointerId, now);
    return undefined;
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId) || this.pointers.size) return;
    const done = event.type === "pointerup";
    if (event.pointerType !== "mouse") this.anchor = null;
    if (this.drawing) this.hooks.pen(done ? "up" : "cancel");
    else if (done && this.still && event.button === 0) this.hooks.tap(this.place(this.spot(event)));
    this.drawing = false;
  }
}
