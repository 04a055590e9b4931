import { describe, expect, it } from "vitest";

import { blank, decode, encode, extent, fill, stroke, type Bitmap } from "./masks";

const drawn = (rows: string[]): Bitmap => ({
  width: rows[0]!.length,
  height: rows.length,
  pixels: Uint8Array.from(rows.join(""), Number),
});

const rowsOf = ({ width, height, pixels }: Bitmap): string[] =>
  Array.from({ length: height }, (_, y) => Array.from(pixels.subarray(y * width, (y + 1) * width)).join(""));

// What pycocotools 2.0.8 writes for these.
const KNOWN: [string[], string][] = [
  [["00000", "00110", "00110", "00000"], "92203"],
  [["111", "111", "111"], "09"],
  [["000", "000", "000"], "9"],
  [["011100000", "001010100", "111100010", "000011001", "100101011", "010100101"], "21100000131MN0010O0041MO10O0O032"],
];
const FRAME =
  "Z[2T3d0000000000000000000jM0d00\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00" +
  "\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00\\O0d00b100000000000000000000000000000000000000fZ2";

describe("run lengths", () => {
  it.each(KNOWN)("are COCO's for %j", (rows, counts) => {
    const size = [rows.length, rows[0]!.length];
    expect(encode(drawn(rows))).toEqual({ size, counts });
    expect(rowsOf(decode({ size: size as [number, number], counts }))).toEqual(rows);
  });

  it("are COCO's where runs are long", () => {
    const bitmap = blank(90, 120);
    fill(bitmap, [20, 10, 70, 10, 70, 110, 20, 110]);
    for (let y = 40; y < 60; y++) bitmap.pixels.fill(0, y * 90 + 30, y * 90 + 50);
    expect(encode(bitmap)).toEqual({ size: [120, 90], counts: FRAME });
    expect(decode({ size: [120, 90], counts: FRAME }).pixels).toEqual(bitmap.pixels);
  });
});

describe("a brush", () => {
  it("sets the pixels whose centre is near enough, along the whole stroke", () => {
    const bitmap = blank(7, 5);
    stroke(bitmap, [1.5, 2.5], [5.5, 2.5], 1.1, 1);
    expect(rowsOf(bitmap)).toEqual(["0000000", "0111110", "1111111", "0111110", "0000000"]);
    stroke(bitmap, [3.5, 2.5], [3.5, 2.5], 0.8, 0);
    expect(rowsOf(bitmap)[2]).toBe("1110111");
  });

  it("knows the edges of what is set", () => {
    expect(extent(drawn(["0000", "0110", "0010"]))).toEqual([1, 1, 3, 3]);
    expect(extent(blank(4, 4))).toBeNull();
  });
});

describe("a ring", () => {
  it("covers the pixels whose centre it holds", () => {
    const bitmap = blank(4, 4);
    fill(bitmap, [0, 0, 4, 0, 0, 4]);
    expect(rowsOf(bitmap)).toEqual(["1110", "1100", "1000", "0000"]);
  });
});
