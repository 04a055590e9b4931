/** Masks as bitmaps: a byte per pixel, row by row; and as COCO's compressed run lengths, which go column by column. */
import type { Box } from "../service/records";

export interface Bitmap {
  width: number;
  height: number;
  pixels: Uint8Array;
}

export interface Rle {
  size: [number, number];
  counts: string;
}

export const blank = (width: number, height: number): Bitmap => ({ width, height, pixels: new Uint8Array(width * height) });

/** The run lengths of a bitmap, beginning with background, as the string that pycocotools writes. */
export function encode({ width, height, pixels }: Bitmap): Rle {
  const counts: number[] = [];
  let value = 0;
  let run = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if (pixels[y * width + x] !== value) {
        counts.push(run);
        run = 0;
        value = 1 - value;
      }
      run++;
    }
  }
  counts.push(run);
  return { size: [height, width], counts: counts.map((count, i) => chars(i > 2 ? count - counts[i - 2]! : count)).join("") };
}

/** A whole number in characters of five bits each, the lowest first; the sixth bit says that more follow. */
function chars(number: number): string {
  let text = "";
  for (;;) {
    const bits = number & 0x1f;
    number >>= 5;
    const more = bits & 0x10 ? number !== -1 : number !== 0;
    text += String.fromCharCode(48 + (more ? bits | 0x20 : bits));
    if (!more) return text;
  }
}

export function decode({ size: [height, width], counts }: Rle): Bitmap {
  const bitmap = blank(width, height);
  let at = 0;
  runs(counts).forEach((run, i) => {
    if (i % 2) for (let k = at; k < at + run; k++) bitmap.pixels[(k % height) * width + Math.floor(k / height)] = 1;
    at += run;
  });
  return bitmap;
}

function runs(text: string): number[] {
  const found: number[] = [];
  for (let i = 0; i < text.length; ) {
    let number = 0;
    let shift = 0;
    let bits: number;
    do {
      bits = text.charCodeAt(i++) - 48;
      number |= (bits & 0x1f) << shift;
      shift += 5;
    } while (bits & 0x20);
    if (bits & 0x10) number |= -1 << shift;
    found.push(found.length > 2 ? number + found[found.length - 2]! : number);
  }
  return found;
}

/** Set the pixels whose centre is nearer than `radius` to the line between two points. */
export function stroke(bitmap: Bitmap, from: [number, number], to: [number, number], radius: number, value: 0 | 1): void {
  const { width, height, pixels } = bitmap;
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = dx * dx + dy * dy;
  const top = Math.max(0, Math.floor(Math.min(from[1], to[1]) - radius));
  const bottom = Math.min(height, Math.ceil(Math.max(from[1], to[1]) + radius));
  const left = Math.max(0, Math.floor(Math.min(from[0], to[0]) - radius));
  const right = Math.min(width, Math.ceil(Math.max(from[0], to[0]) + radius));
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const [px, py] = [x + 0.5 - from[0], y + 0.5 - from[1]];
      const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      if ((px - along * dx) ** 2 + (py - along * dy) ** 2 < radius * radius) pixels[y * width + x] = value;
    }
  }
}

/** The pixels whose centre lies inside a ring (x and y in turn), by the even-odd rule, set to 1. */
export function fill(bitmap: Bitmap, ring: number[]): void {
  const { width, height, pixels } = bitmap;
  for (let y = 0; y < height; y++) {
    const crossings: number[] = [];
    for (let i = 0; i < ring.length; i += 2) {
      const [x0, y0] = [ring[i]!, ring[i + 1]!];
      const [x1, y1] = [ring[(i + 2) % ring.length]!, ring[(i + 3) % ring.length]!];
      if (y0 <= y + 0.5 !== y1 <= y + 0.5) crossings.push(x0 + ((y + 0.5 - y0) / (y1 - y0)) * (x1 - x0));
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const [begin, end] = [Math.max(0, Math.ceil(crossings[i]! - 0.5)), Math.min(width, Math.ceil(crossings[i + 1]! - 0.5))];
      pixels.fill(1, y * width + begin, y * width + Math.max(begin, end));
    }
  }
}

/** The edges of what is set; `null` where nothing is. */
export function extent({ width, height, pixels }: Bitmap): Box | null {
  let [left, top, right, bottom] = [width, height, 0, 0];
  pixels.forEach((value, i) => {
    if (!value) return;
    const [x, y] = [i % width, Math.floor(i / width)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
  });
  return right ? [left, top, right, bottom] : null;
}
