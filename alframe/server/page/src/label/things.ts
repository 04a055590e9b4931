/** Objects of one image: moved, resized, measured. Nothing is changed in place. */
import { blank, decode, encode, extent, fill, type Bitmap } from "./masks";
import type { Box, Thing } from "../service/records";

export interface Size {
  width: number;
  height: number;
}

export const boxed = (box: Box, label: number): Thing => ({
  box,
  label,
  mask: null,
  crowd: false,
  difficult: false,
  score: null,
});

/** The box inside the image, its edges in order, in hundredths of a pixel. */
export function tidy([x0, y0, x1, y1]: Box, { width, height }: Size): Box {
  const within = (value: number, most: number) => Math.round(Math.min(most, Math.max(0, value)) * 100) / 100;
  return [
    within(Math.min(x0, x1), width),
    within(Math.min(y0, y1), height),
    within(Math.max(x0, x1), width),
    within(Math.max(y0, y1), height),
  ];
}

/** The only ring of a thing; `null` where it has none, or several. */
export const ringOf = ({ mask }: Thing): number[] | null =>
  mask && "rings" in mask && mask.rings.length === 1 ? mask.rings[0]! : null;

export function ringed(thing: Thing, ring: number[], size: Size): Thing {
  const inside = ring.map((value, i) => Math.round(Math.min(i % 2 ? size.height : size.width, Math.max(0, value)) * 100) / 100);
  const xs = inside.filter((_, i) => i % 2 === 0);
  const ys = inside.filter((_, i) => i % 2 === 1);
  const box: Box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  return { ...thing, box, mask: { rings: [inside] }, score: null };
}

/** The thing with its right and bottom edge, or all of it, moved; `corner` of its ring alone where one is given. */
export function nudged(thing: Thing, dx: number, dy: number, resize: boolean, corner: number | null, size: Size): Thing {
  const [x0, y0, x1, y1] = thing.box;
  const ring = ringOf(thing);
  if (thing.mask && !ring) return thing; // painted: the brush changes it
  if (ring && corner !== null) {
    return ringed(thing, ring.map((value, i) => (i >> 1 === corner ? value + (i % 2 ? dy : dx) : value)), size);
  }
  const right = resize ? Math.min(size.width, Math.max(x0 + 1, x1 + dx)) : 0;
  const bottom = resize ? Math.min(size.height, Math.max(y0 + 1, y1 + dy)) : 0;
  const stepX = Math.min(size.width - x1, Math.max(-x0, dx));
  const stepY = Math.min(size.height - y1, Math.max(-y0, dy));
  const x = (value: number) => (resize ? x0 + ((value - x0) * (right - x0)) / (x1 - x0) : value + stepX);
  const y = (value: number) => (resize ? y0 + ((value - y0) * (bottom - y0)) / (y1 - y0) : value + stepY);
  if (ring) return ringed(thing, ring.map((value, i) => (i % 2 ? y(value) : x(value))), size);
  return { ...thing, box: tidy([x(x0), y(y0), x(x1), y(y1)], size), score: null };
}

/** A thing's mask as a bitmap of the image's size; empty where it has none. */
export function bitmapOf({ mask }: Thing, { width, height }: Size): Bitmap {
  if (mask && "counts" in mask) return decode(mask);
  const bitmap = blank(width, height);
  if (mask) mask.rings.forEach((ring) => fill(bitmap, ring));
  return bitmap;
}

/** The thing under a painted mask; `null` where nothing of it is left. */
export function painted(thing: Thing, bitmap: Bitmap): Thing | null {
  const box = extent(bitmap);
  return box && { ...thing, box, mask: encode(bitmap), score: null };
}

/** The last thing that covers a point: the mask's pixels where there is one, else the box. */
export function thingAt(things: readonly Thing[], [x, y]: [number, number], size: Size): number | null {
  const index = things.findLastIndex((thing) => {
    const [x0, y0, x1, y1] = thing.box;
    if (x < x0 || x > x1 || y < y0 || y > y1) return false;
    if (!thing.mask) return true;
    return bitmapOf(thing, size).pixels[Math.floor(y) * size.width + Math.floor(x)] === 1;
  });
  return index < 0 ? null : index;
}
