// A zip of files as they are: pictures are compressed already.
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

export function crc32(bytes, value = 0) {
  let sum = ~value;
  for (const byte of bytes) sum = TABLE[(sum ^ byte) & 255] ^ (sum >>> 8);
  return ~sum >>> 0;
}

const PIECE = 1 << 22;
const MOST = 0xffffffff; // what the plain format counts up to: 4 GB in all

export class Zip {
  constructor() {
    [this.parts, this.index, this.size, this.taken] = [[], [], 0, new Set()];
  }

  /** Add a file; a name that is taken gets a number. */
  async add(name, blob) {
    const free = this.free(name);
    const encoded = new TextEncoder().encode(free);
    let sum = 0;
    for (let at = 0; at < blob.size; at += PIECE) {
      sum = crc32(new Uint8Array(await blob.slice(at, at + PIECE).arrayBuffer()), sum);
    }
    if (this.size + blob.size + 1e6 > MOST) throw new RangeError("a zip of more than 4 GB");
    const now = new Date();
    const time = now.getHours() << 11 | now.getMinutes() << 5 | now.getSeconds() >> 1;
    const date = now.getFullYear() - 1980 << 9 | now.getMonth() + 1 << 5 | now.getDate();
    // Version 2.0, names in UTF-8, stored; time, date, checksum, both sizes; length of the name, nothing more.
    const about = fields([20, 2], [0x0800, 2], [0, 2], [time, 2], [date, 2], [sum, 4], [blob.size, 4], [blob.size, 4], [encoded.length, 2], [0, 2]);
    this.index.push(fields([0x02014b50, 4], [20, 2]), about, fields([0, 2], [0, 2], [0, 2], [0, 4], [this.size, 4]), encoded);
    this.parts.push(fields([0x04034b50, 4]), about, encoded, blob);
    this.size += 30 + encoded.length + blob.size;
  }

  /** Give a name that no entry has yet, whatever a file system thinks of capitals. */
  free(name) {
    const [, stem, ending] = /^(.*?)(\.[^.]*)?$/s.exec(name);
    let free = name;
    for (let number = 2; this.taken.has(free.toLowerCase()); number += 1) free = `${stem} (${number})${ending ?? ""}`;
    this.taken.add(free.toLowerCase());
    return free;
  }

  /** All of it. */
  blob() {
    const length = this.index.reduce((sum, part) => sum + part.length, 0);
    const count = this.taken.size;
    const end = fields([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [length, 4], [this.size, 4], [0, 2]);
    return new Blob([...this.parts, ...this.index, end], { type: "application/zip" });
  }
}

/** Whole numbers as bytes, the lowest first; each with its count of bytes. */
function fields(...pairs) {
  return Uint8Array.from(pairs.flatMap(([value, bytes]) => Array.from({ length: bytes }, (_, k) => (value / 256 ** k) & 255)));
}
