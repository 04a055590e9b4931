import { describe, expect, it } from "vitest";

import { decode } from "./masks";
import { bitmapOf, boxed, nudged, painted, ringed, ringOf, thingAt, tidy } from "./things";

const size = { width: 20, height: 10 };

describe("boxes", () => {
  it("stay inside the image with their edges in order", () => {
    expect(tidy([25, 8, -3, 2.3456], size)).toEqual([0, 2.35, 20, 8]);
  });

  it("move as a whole, and stop at the edge with their size kept", () => {
    expect(nudged(boxed([2, 2, 6, 5], 0), 100, -1, false, null, size).box).toEqual([16, 1, 20, 4]);
  });

  it("grow at the right and the bottom, and never vanish", () => {
    expect(nudged(boxed([2, 2, 6, 5], 0), 3, -50, true, null, size).box).toEqual([2, 2, 9, 3]);
  });
});

describe("polygons", () => {
  const triangle = ringed(boxed([0, 0, 0, 0], 1), [2, 2, 8, 2, 2, 6], size);

  it("have the box of their corners", () => {
    expect(triangle.box).toEqual([2, 2, 8, 6]);
    expect(ringOf(nudged(triangle, 1, 1, false, null, size))).toEqual([3, 3, 9, 3, 3, 7]);
    expect(nudged(triangle, 6, 0, true, null, size).box).toEqual([2, 2, 14, 6]);
  });

  it("let one corner move alone", () => {
    expect(ringOf(nudged(triangle, 2, -1, false, 1, size))).toEqual([2, 2, 10, 1, 2, 6]);
  });
});

describe("masks", () => {
  it("give the box of what is painted; nothing left is no object", () => {
    const bitmap = bitmapOf(boxed([0, 0, 1, 1], 2), size);
    expect(painted(boxed([0, 0, 1, 1], 2), bitmap)).toBeNull();
    bitmap.pixels[3 * 20 + 4] = 1;
    const thing = painted(boxed([0, 0, 1, 1], 2), bitmap)!;
    expect(thing.box).toEqual([4, 3, 5, 4]);
    expect(decode(thing.mask as { size: [number, number]; counts: string }).pixels).toEqual(bitmap.pixels);
  });

  it("are hit where they are set; the last drawn is on top", () => {
    const triangle = ringed(boxed([0, 0, 0, 0], 1), [0, 0, 10, 0, 0, 10], size);
    const things = [boxed([0, 0, 20, 10], 0), triangle];
    expect(thingAt(things, [1, 1], size)).toBe(1);
    expect(thingAt(things, [9, 9], size)).toBe(0);
    expect(thingAt([triangle], [9, 9], size)).toBeNull();
  });
});
