// From a photo's pixels to the L that the network sees, and back with its colors, as colorful.lab and
// colorful.raster do it. Pixels are bytes, RGBA as a canvas gives them; all else is float32 in planes, row by row.

// Linear sRGB to XYZ as ITU-R BT.709 gives it for D65, relative to white: so rows sum to 1, and grey has a = b = 0.
const TO_XYZ = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
  .map((row) => row.map((share) => share / row.reduce((sum, other) => sum + other)));
const FROM_XYZ = inverse(TO_XYZ).flatMap(([x, , z]) => [x, z]); // y is what rows of sum 1 leave
const DELTA = 6 / 29;
const STEPS = 65535; // of linear light in tables: the darkest 8-bit codes are 20 apart
const HALVINGS = 12;
const INSIDE = 1e-5; // how far outside [0, 1] still counts as inside: far below an 8-bit step

const decode = (code) => (code <= 0.04045 ? code / 12.92 : ((code + 0.055) / 1.055) ** 2.4);
const encode = (light) => (light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055);
const root = (light) => (light > DELTA ** 3 ? Math.cbrt(light) : light / (3 * DELTA ** 2) + 4 / 29);
const SLOPE = 3 * DELTA ** 2;
const unroot = (value) => (value > DELTA ? value * value * value : SLOPE * (value - 4 / 29));

// What each code of R, G and B gives to Y, in steps; f(Y) of each step; the code of each step.
const SHARES = TO_XYZ[1].map((share) => Float32Array.from({ length: 256 }, (_, code) => STEPS * share * decode(code / 255)));
const ROOTS = Float32Array.from({ length: STEPS + 2 }, (_, step) => root(Math.min(1, step / STEPS)));
const CODES = Uint8Array.from({ length: STEPS + 1 }, (_, step) => Math.round(255 * encode(step / STEPS)));

function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  return [
    [e * i - f * h, c * h - b * i, b * f - c * e], [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / determinant));
}

/** Weights that resize an axis: antialiased where it shrinks. `cubic` is Keys' kernel with a = -1/2. */
function axis(source, length) {
  const scale = source / length;
  const wide = Math.max(scale, 1);
  const first = new Int32Array(length);
  const weights = [];
  for (let cell = 0; cell < length; cell += 1) {
    const center = (cell + 0.5) * scale;
    first[cell] = Math.max(0, Math.ceil(center - 2 * wide - 0.5));
    const last = Math.min(source - 1, Math.floor(center + 2 * wide - 0.5));
    const own = Float32Array.from({ length: last - first[cell] + 1 }, (_, tap) => {
      const x = Math.abs(first[cell] + tap + 0.5 - center) / wide;
      return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    });
    const sum = own.reduce((total, weight) => total + weight);
    weights.push(own.map((weight) => weight / sum));
  }
  return { first, weights, length };
}

/** Resize one row. */
function along({ first, weights, length }, row, out, from = 0, to = 0) {
  for (let cell = 0; cell < length; cell += 1) {
    const own = weights[cell];
    const start = from + first[cell];
    let sum = 0;
    for (let tap = 0; tap < own.length; tap += 1) sum += own[tap] * row[start + tap];
    out[to + cell] = sum;
  }
}

/** Take rows one after another, and give their plane in another size: so no plane of the photo's size is needed. */
class Shrinking {
  constructor([height, width], [rows, columns]) {
    Object.assign(this, { rows, columns, row: 0, waiting: 0 });
    this.down = axis(height, rows);
    this.right = axis(width, columns);
    this.narrow = new Float32Array(columns);
    this.plane = new Float32Array(rows * columns);
  }

  add(row) {
    along(this.right, row, this.narrow);
    const { first, weights } = this.down;
    while (this.waiting < this.rows && first[this.waiting] + weights[this.waiting].length <= this.row) this.waiting += 1;
    for (let cell = this.waiting; cell < this.rows && first[cell] <= this.row; cell += 1) {
      const weight = weights[cell][this.row - first[cell]];
      for (let column = 0, at = cell * this.columns; column < this.columns; column += 1, at += 1) {
        this.plane[at] += weight * this.narrow[column];
      }
    }
    this.row += 1;
  }
}

/** Resize a plane, bicubically. */
export function resize(plane, [height, width], size) {
  const made = new Shrinking([height, width], size);
  for (let row = 0; row < height; row += 1) made.add(plane.subarray(row * width, (row + 1) * width));
  return made.plane;
}

/** Height and width at which the network looks at a photo. */
export function inputSize([height, width], { size, fit, multiple, longest }) {
  const ratio = fit === "keep" ? Math.min(Math.max(height / width, 1 / longest), longest) : 1;
  return [size * Math.sqrt(ratio), size / Math.sqrt(ratio)].map((side) => multiple * Math.max(1, halfEven(side / multiple)));
}

/** Round as Python does: a half goes to the even neighbor. */
function halfEven(value) {
  const whole = Math.floor(value);
  return value - whole === 0.5 ? whole + (whole % 2) : Math.round(value);
}

/** f(Y) of a row of pixels. */
function rootsOf(pixels, start, out) {
  const [red, green, blue] = SHARES;
  for (let x = 0, at = start; x < out.length; x += 1, at += 4) {
    out[x] = ROOTS[(red[pixels[at]] + green[pixels[at + 1]] + blue[pixels[at + 2]] + 0.5) | 0];
  }
}

/** Take L out of a photo that comes in bands of rows, in the size that is wanted. */
export class Lightness {
  constructor(photo, size) {
    this.shrinking = new Shrinking(photo, size);
    this.row = new Float32Array(photo[1]);
  }

  add(pixels) {
    for (let start = 0; start < pixels.length; start += 4 * this.row.length) {
      rootsOf(pixels, start, this.row);
      this.shrinking.add(this.row);
    }
  }

  /** L in 0..100. */
  get light() {
    return this.shrinking.plane.map((value) => Math.min(100, Math.max(0, 116 * value - 16)));
  }
}

/** Decode logits over ab bins into ab: the softmax sharpened by the temperature, averaged over the bins' centers. */
export function annealedMean(logits, cells, bins, temperature) {
  const cut = Math.max(temperature, 1e-6);
  const [most, sum] = [new Float32Array(cells).fill(-Infinity), new Float32Array(cells)];
  const ab = [new Float32Array(cells), new Float32Array(cells)];
  for (let bin = 0, at = 0; bin < bins.length; bin += 1) {
    for (let cell = 0; cell < cells; cell += 1, at += 1) if (logits[at] > most[cell]) most[cell] = logits[at];
  }
  for (let bin = 0, at = 0; bin < bins.length; bin += 1) {
    const [a, b] = bins[bin];
    for (let cell = 0; cell < cells; cell += 1, at += 1) {
      const weight = Math.exp((logits[at] - most[cell]) / cut);
      sum[cell] += weight;
      ab[0][cell] += weight * a;
      ab[1][cell] += weight * b;
    }
  }
  return ab.map((plane) => plane.map((value, cell) => value / sum[cell]));
}

/** The mean of each cell and its eight neighbors, with edges repeated. */
function blurred(plane, [height, width]) {
  const [rows, out] = [new Float32Array(plane.length), new Float32Array(plane.length)];
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      rows[at] = (plane[at - (x > 0)] + plane[at] + plane[at + (x < width - 1)]) / 3;
    }
  }
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      out[at] = (rows[at - width * (y > 0)] + rows[at] + rows[at + width * (y < height - 1)]) / 3;
    }
  }
  return out;
}

/**
 * Fit ab as a linear function of L around every cell, so that colors end at the photo's edges: slopes of a and b,
 * then offsets. See colorful.lab.upsample.guided_coefficients; He, Sun, Tang: Guided Image Filtering, 2013.
 */
export function guided(ab, light, size) {
  const map = (make) => light.map((_, cell) => make(cell));
  const mean = (plane) => blurred(plane, size);
  const product = (one, other) => map((cell) => one[cell] * other[cell]);
  const meanLight = mean(light);
  const meanAb = ab.map(mean);
  const covariance = ab.map((plane, k) => {
    const both = mean(product(plane, light));
    return map((cell) => both[cell] - meanLight[cell] * meanAb[k][cell]);
  });
  const squares = mean(product(light, light));
  const variance = map((cell) => Math.max(0, squares[cell] - meanLight[cell] ** 2));
  const abSquares = ab.map((plane) => mean(product(plane, plane)));
  const explained = map((cell) => {
    const spread = abSquares.reduce((sum, plane, k) => sum + Math.max(0, plane[cell] - meanAb[k][cell] ** 2), 0);
    const shared = covariance.reduce((sum, plane) => sum + plane[cell] ** 2, 0);
    return shared / ((variance[cell] + 1) * (spread + 1));
  });
  const fitted = covariance.map((plane) => map((cell) => explained[cell] * plane[cell] / (variance[cell] + 64)));
  const slopes = fitted.map(mean);
  const offsets = ab.map((plane, k) => {
    const smooth = mean(map((cell) => meanAb[k][cell] - fitted[k][cell] * meanLight[cell]));
    return map((cell) => {
      const own = plane[cell] - slopes[k][cell] * light[cell];
      return own + (smooth[cell] - own) / 8;
    });
  });
  return [...slopes, ...offsets];
}

/** Give colors to a photo's pixels, in place, band by band; L stays. */
export class Coloring {
  /** `ab` is two planes of `cells` (height and width), `light` the L there; `photo` is height and width. */
  constructor(ab, light, cells, photo, saturation) {
    const fields = guided(ab.map((plane) => plane.map((value) => value * saturation)), light, cells);
    [, this.width] = photo;
    this.cells = cells;
    this.down = axis(cells[0], photo[0]);
    const right = axis(cells[1], this.width);
    this.fields = fields.map((plane) => { // widened at once, since that is cheap
      const wide = new Float32Array(cells[0] * this.width);
      for (let row = 0; row < cells[0]; row += 1) along(right, plane, wide, row * cells[1], row * this.width);
      return wide;
    });
    this.row = fields.map(() => new Float32Array(this.width));
    this.roots = new Float32Array(this.width);
  }

  /** Color the rows of a photo from `top` on. */
  paint(pixels, top) {
    const rows = pixels.length / (4 * this.width);
    for (let y = 0; y < rows; y += 1) {
      this.reach(top + y);
      this.paintRow(pixels, 4 * y * this.width);
    }
  }

  /** Mix the cells that a row of pixels lies between. */
  reach(y) {
    const [first, weights] = [this.down.first[y], this.down.weights[y]];
    const { width } = this;
    this.fields.forEach((field, k) => {
      const row = this.row[k].fill(0);
      for (let tap = 0; tap < weights.length; tap += 1) {
        const weight = weights[tap];
        for (let x = 0, at = (first + tap) * width; x < width; x += 1, at += 1) row[x] += weight * field[at];
      }
    });
  }

  paintRow(pixels, start) {
    const { roots, width } = this;
    const [slopeA, slopeB, offsetA, offsetB] = this.row;
    rootsOf(pixels, start, roots);
    for (let x = 0, at = start; x < width; x += 1, at += 4) {
      const light = 116 * roots[x] - 16;
      const right = (slopeA[x] * light + offsetA[x]) / 500; // of f(X) from f(Y)
      const left = (slopeB[x] * light + offsetB[x]) / -200; // of f(Z) from f(Y)
      mix(roots[x], right, left);
      if (!fits()) fit(roots[x], right, left);
      pixels[at] = CODES[step(RGB[0])];
      pixels[at + 1] = CODES[step(RGB[1])];
      pixels[at + 2] = CODES[step(RGB[2])];
    }
  }
}

const step = (light) => (light <= 0 ? 0 : light >= 1 ? STEPS : (light * STEPS + 0.5) | 0);

const RGB = new Float64Array(3); // linear light of the pixel at hand

function mix(fy, right, left) {
  const y = unroot(fy);
  const x = unroot(fy + right) - y; // equal roots give equal channels
  const z = unroot(fy + left) - y;
  RGB[0] = y + FROM_XYZ[0] * x + FROM_XYZ[1] * z;
  RGB[1] = y + FROM_XYZ[2] * x + FROM_XYZ[3] * z;
  RGB[2] = y + FROM_XYZ[4] * x + FROM_XYZ[5] * z;
}

function fits() {
  return RGB[0] >= -INSIDE && RGB[1] >= -INSIDE && RGB[2] >= -INSIDE
    && RGB[0] <= 1 + INSIDE && RGB[1] <= 1 + INSIDE && RGB[2] <= 1 + INSIDE;
}

/** Lower the chroma of a color outside sRGB until it fits; L and hue stay. */
function fit(fy, right, left) {
  let [low, high] = [0, 1];
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const share = (low + high) / 2;
    mix(fy, right * share, left * share);
    if (fits()) low = share;
    else high = share;
  }
  mix(fy, right * low, left * low);
}
