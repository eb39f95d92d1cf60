// Colors as people see and name them. CSS does the arithmetic.
import { make } from "./dom.js";
import { t } from "./texts.js";

// Where each hue ends, in degrees of CIELCh.
const HUES = [[20, "pink"], [48, "red"], [78, "orange"], [105, "yellow"], [165, "green"], [225, "teal"], [295, "blue"], [330, "purple"], [361, "pink"]];
// Its color is computed; a system that chooses all colors leaves this one.
const probe = document.body.appendChild(make("i", { hidden: true, style: "forced-color-adjust: none" }));

const known = {};

/** Lightness, chroma and hue of "#rrggbb". */
function lchOf(color) {
  probe.style.color = `lch(from ${color} l c h)`;
  return known[color] ??= getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
}

export const lightOf = (color) => lchOf(color)[0];

/** Whether a color is more than a shade of grey. */
export const isColorful = (color) => lchOf(color)[1] > 7;

/** Colors of a picture, from so many places across and down; or of one pixel of it. */
export function colorsOf(picture, across, ...pixel) {
  const pen = make("canvas", { width: across, height: across }).getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture, ...pixel, 0, 0, across, across);
  const bytes = [...pen.getImageData(0, 0, across, across).data].map((value) => value.toString(16).padStart(2, "0"));
  return Array.from({ length: across ** 2 }, (_, at) => `#${bytes.slice(4 * at, 4 * at + 3).join("")}`);
}

/** The color of a picture at a place, in shares of its sides. */
export function colorAt(picture, x, y) {
  const { naturalWidth, naturalHeight } = picture;
  return colorsOf(picture, 1, Math.floor(x * naturalWidth), Math.floor(y * naturalHeight), 1, 1)[0];
}

export function nameOf(color) {
  const [light, , degrees] = lchOf(color);
  if (!isColorful(color)) return t(light < 18 ? "color-black" : light > 93 ? "color-white" : "color-grey");
  const hue = HUES.find(([end]) => degrees < end)[1];
  const name = t(`color-${hue === "orange" && light < 55 ? "brown" : hue}`);
  return light < 35 ? t("color-dark", { color: name }) : light > 75 ? t("color-light", { color: name }) : name;
}
