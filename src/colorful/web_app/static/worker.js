// Where the work is done, so that the page never waits: photos are opened, seen by the network and colored here.
import { app } from "./app.js";
import { Coloring, Lightness, annealedMean, inputSize, resize } from "./lab.js";
import { kept, marked } from "./marks.js";

const BAND = 1 << 20; // bytes of a photo that are looked at in one go
const SHOWN = 1600; // the longer side of what is shown; results have the photo's own size
const REMEMBERED = 6; // photos whose colors are at hand
const LOSSY = /^image\/(jpeg|webp|avif|heic|heif)$/;

let [ort, session] = [null, null];
const seen = new Map(); // what the network said of a photo, by its key; the last ones that were asked for

class Failure extends Error {
  constructor(code, detail = "") {
    super(detail);
    this.code = code;
  }
}

const work = {
  /** Get the network ready. `wasm` and `model` are bytes, `gpu` tells whether the graphics processor computes. */
  async start({ wasm, model, gpu }) {
    const { module, glue } = app.runtimes[gpu ? "gpu" : "cpu"];
    ort = await import(module);
    ort.env.logLevel = "fatal";
    ort.env.wasm.wasmBinary = wasm;
    ort.env.wasm.wasmPaths = { mjs: new URL(glue, import.meta.url).href };
    ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
    session = await ort.InferenceSession.create(model, { executionProviders: [gpu ? "webgpu" : "wasm"], logSeverityLevel: 4 });
    // Graphics drivers differ: what this one computes is checked before a photo is given to it.
    const { size: [rows, columns], output } = app.probe;
    const ramp = Float32Array.from({ length: rows * columns }, (_, at) => (at * 37) % 101);
    const answer = await run(ramp, [rows, columns]);
    const step = Math.floor(answer.length / output.length);
    const off = Math.max(...output.map((value, k) => Math.abs(value - answer[k * step])));
    if (!(off <= app.probe.tolerance)) throw new Failure("internal", `the network is off by ${off}`);
  },

  /** Make a photo known, and tell its size. */
  async open({ key, file }) {
    const { photo: [height, width] } = await known(key, file);
    return { height, width };
  },

  /** The photo in color as a blob, as large as it is shown. */
  async preview({ key, file, edit, side }) {
    const photo = await known(key, file);
    const scale = Math.min(1, side / Math.max(...photo.shown));
    const canvas = new OffscreenCanvas(photo.shown[1], photo.shown[0]);
    const drawn = contextOf(canvas);
    const pixels = new ImageData(new Uint8ClampedArray(photo.pixels), canvas.width);
    (await coloring(photo, edit, photo.shown)).paint(pixels.data, 0);
    drawn.putImageData(pixels, 0, 0);
    const small = scale < 1 ? scaled(canvas, scale) : canvas;
    return small.convertToBlob({ type: photo.clear ? "image/png" : "image/jpeg", quality: 0.9 });
  },

  /** The photo in color at its own size, as a blob of a type near that of the file. */
  async result({ key, file, edit }) {
    const photo = await known(key, file);
    const canvas = await decoded(file);
    const drawn = contextOf(canvas);
    const colors = await coloring(photo, edit, photo.photo);
    eachBand(drawn, (pixels, top) => {
      colors.paint(pixels.data, top);
      drawn.putImageData(pixels, 0, top);
    });
    const type = LOSSY.test(file.type) && !photo.clear ? "image/jpeg" : "image/png";
    const blob = await canvas.convertToBlob({ type, quality: 0.95 });
    if (!blob.size || blob.type !== type) throw new Failure("too-large"); // as browsers do where a canvas is too large
    [canvas.width, canvas.height] = [1, 1]; // its memory goes at once
    return marked(blob, type === file.type ? await kept(file) : []);
  },

  forget({ key }) {
    seen.delete(key);
  },
};

/** Run the network on a plane of L. */
async function run(light, [rows, columns]) {
  const output = await session.run({ light: new ort.Tensor("float32", light, [1, 1, rows, columns]) });
  return output.output.data;
}

/** What is known of a photo: its L and what the network says. */
async function known(key, file) {
  let photo = seen.get(key);
  if (!photo) photo = await looked(file);
  seen.delete(key);
  seen.set(key, photo); // the last that was asked for is the last to go
  while (seen.size > REMEMBERED) seen.delete(seen.keys().next().value);
  return photo;
}

async function looked(file) {
  const canvas = await decoded(file);
  const size = [canvas.height, canvas.width];
  const input = inputSize(size, app.network);
  const lightness = new Lightness(size, input);
  let clear = false;
  eachBand(contextOf(canvas), ({ data }) => {
    lightness.add(data);
    for (let at = 3; !clear && at < data.length; at += 4) clear = data[at] < 255;
  });
  const scale = Math.min(1, SHOWN / Math.max(...size));
  const small = scale < 1 ? scaled(canvas, scale) : canvas;
  const { data: pixels } = contextOf(small).getImageData(0, 0, small.width, small.height);
  const { light } = lightness;
  return { photo: size, shown: [small.height, small.width], pixels, clear, input, light, output: null };
}

/** What gives colors to a photo in some size. */
async function coloring(photo, edit, size) {
  const { stride, bins, saturation, temperature } = app.network;
  photo.output ??= await run(photo.light, photo.input);
  const cells = photo.input.map((side) => side / stride);
  const count = cells[0] * cells[1];
  const ab = bins
    ? annealedMean(photo.output, count, bins, edit.temperature ?? temperature)
    : [photo.output.subarray(0, count), photo.output.subarray(count)];
  return new Coloring(ab, resize(photo.light, photo.input, cells), cells, size, edit.saturation ?? saturation);
}

/** The photo on a canvas of its own size, upright. */
async function decoded(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Failure("bad-photo");
  }
  try {
    if (bitmap.width * bitmap.height > app.pixels) throw new Failure("too-large");
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    contextOf(canvas).drawImage(bitmap, 0, 0);
    return canvas;
  } finally {
    bitmap.close();
  }
}

function contextOf(canvas) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Failure("too-large");
  return context;
}

function scaled(canvas, scale) {
  const small = new OffscreenCanvas(...[canvas.width, canvas.height].map((side) => Math.max(1, Math.round(side * scale))));
  const context = contextOf(small);
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, small.width, small.height);
  return small;
}

/** Give a photo's pixels in bands, so that no second copy of them is held. */
function eachBand(context, take) {
  const { width, height } = context.canvas;
  const rows = Math.max(1, Math.floor(BAND / (4 * width)));
  for (let top = 0; top < height; top += rows) {
    let pixels;
    try {
      pixels = context.getImageData(0, top, width, Math.min(rows, height - top));
    } catch { // as where there is no memory for the canvas
      throw new Failure("too-large");
    }
    take(pixels, top);
  }
}

// One after another: two photos at once would need the memory of two.
let last = Promise.resolve();
self.onmessage = ({ data: { id, kind, ...rest } }) => {
  last = last.then(async () => {
    try {
      self.postMessage({ id, result: await work[kind](rest) });
    } catch (error) {
      const code = error.code && typeof error.code === "string" ? error.code : error instanceof RangeError ? "too-large" : "internal";
      self.postMessage({ id, problem: { code, detail: String(error.message ?? error) } });
    }
  });
};
