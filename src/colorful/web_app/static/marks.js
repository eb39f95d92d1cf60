// What a file says of the photo: a result keeps it, and says that a model has made it.
import { app } from "./app.js";
import { crc32 } from "./zip.js";

const XMP_IN_JPEG = "http://ns.adobe.com/xap/1.0/\0";
const text = (value) => new TextEncoder().encode(value);
const ORIENTATION = 0x0112;
const FOREMOST = 1 << 22; // bytes: what comes later than that is not looked for
const EXIF = 0x8769;
const [WIDTH, HEIGHT] = [0xa002, 0xa003];

/** The segments of a JPEG that are true of its result too: EXIF, upright and without thumbnail, and IPTC. */
export async function kept(file) {
  if (file.type !== "image/jpeg") return [];
  const bytes = new Uint8Array(await file.slice(0, FOREMOST).arrayBuffer());
  const segments = [];
  try {
    for (const segment of segmentsOf(bytes)) {
      const [marker, name] = [segment[1], String.fromCharCode(...segment.subarray(4, 18))];
      if (marker === 0xe1 && name.startsWith("Exif\0\0")) segments.push(upright(segment.slice()));
      else if (marker === 0xed && name.startsWith("Photoshop 3.0\0")) segments.push(segment);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a damaged one ends what is kept
  }
  return segments;
}

function* segmentsOf(bytes) {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda;) {
    const length = 2 + (bytes[at + 2] << 8 | bytes[at + 3]);
    if (length < 4 || at + length > bytes.length) return;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** Turn an EXIF segment into one of the upright result: the pixels are turned, and the thumbnail would be grey. */
function upright(segment) {
  const view = new DataView(segment.buffer, segment.byteOffset + 10, segment.length - 10);
  const little = view.getUint16(0) === 0x4949;
  const read16 = (at) => view.getUint16(at, little);
  const read32 = (at) => view.getUint32(at, little);
  const entries = (at) => Array.from({ length: read16(at) }, (_, k) => at + 2 + 12 * k);
  const tagged = (directory, tag) => entries(directory).find((at) => read16(at) === tag);
  const set = (at, value) => (read16(at + 2) === 3 ? view.setUint16(at + 8, value, little) : view.setUint32(at + 8, value, little));
  const get = (at) => (read16(at + 2) === 3 ? read16(at + 8) : read32(at + 8));
  const main = read32(4);
  view.setUint32(main + 2 + 12 * read16(main), 0, little); // no next directory: that of the thumbnail
  const turn = tagged(main, ORIENTATION);
  const lying = turn && get(turn) > 4;
  if (turn) set(turn, 1);
  const more = tagged(main, EXIF);
  const [wide, high] = more ? [WIDTH, HEIGHT].map((tag) => tagged(read32(more + 8), tag)) : [];
  if (lying && wide && high) {
    const width = get(wide);
    set(wide, get(high));
    set(high, width);
  }
  return segment;
}

/** A JPEG or PNG with what was kept, and with the mark of a model. */
export async function marked(blob, segments) {
  const parts = blob.type === "image/jpeg" ? await inJpeg(blob, segments) : inPng(blob);
  return new Blob(parts, { type: blob.type });
}

async function inJpeg(blob, segments) {
  const mark = text(XMP_IN_JPEG + app.xmp);
  const start = Uint8Array.of(0xff, 0xe1, mark.length + 2 >> 8, mark.length + 2 & 255);
  const bytes = new Uint8Array(await blob.slice(0, 6).arrayBuffer());
  const past = bytes[3] === 0xe0 ? 4 + (bytes[4] << 8 | bytes[5]) : 2; // JFIF comes first where it is there
  return [blob.slice(0, past), ...segments, start, mark, blob.slice(past)];
}

function inPng(blob) {
  const chunk = text(`iTXtXML:com.adobe.xmp\0\0\0\0\0${app.xmp}`);
  const [length, sum] = [chunk.length - 4, crc32(chunk)].map((value) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
  const past = 33; // signature and header
  return [blob.slice(0, past), length, chunk, sum, blob.slice(past)];
}
