import { describe, expect, it } from "vitest";

import { classKey, command, PLAIN } from "./keys";

const press = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "shiftKey" | "altKey", boolean>> = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...held,
});
const animals = ["cat", "dog", "owl"];
const digits = [..."0123456789"];

describe("number keys", () => {
  it("count the classes from one", () => {
    expect(command(press("1"), animals)).toEqual({ name: "class", index: 0 });
    expect(command(press("4"), animals)).toBeNull();
    expect(classKey(9, Array(12).fill("x"))).toBe("0");
    expect(classKey(10, Array(12).fill("x"))).toBeNull();
  });

  it("are the classes' names where those are digits", () => {
    expect(command(press("7"), digits)).toEqual({ name: "class", index: 7 });
    expect(command(press("0"), digits)).toEqual({ name: "class", index: 0 });
  });

  it("show the whole image with 0, where it is no class", () => {
    expect(command(press("0"), animals)).toEqual({ name: "zoom-reset" });
  });
});

describe("other keys", () => {
  it("undo and redo with either of the two keys", () => {
    expect(command(press("z", { ctrlKey: true }), [])).toEqual({ name: "undo" });
    expect(command(press("Z", { metaKey: true, shiftKey: true }), [])).toEqual({ name: "redo" });
    expect(command(press("y", { ctrlKey: true }), [])).toEqual({ name: "redo" });
  });

  it("move by a pixel, or ten, and resize with Shift", () => {
    expect(command(press("ArrowLeft"), [])).toEqual({ name: "nudge", dx: -1, dy: 0, resize: false });
    expect(command(press("ArrowDown", { ctrlKey: true, shiftKey: true }), [])).toEqual({ name: "nudge", dx: 0, dy: 10, resize: true });
  });

  it("leave the browser its own", () => {
    for (const key of ["p", "s", "f", "r", "n", "c"]) expect(command(press(key, { ctrlKey: true }), [])).toBeNull();
    expect(command(press("ArrowLeft", { altKey: true }), [])).toBeNull();
  });

  it("mean one thing each", () => {
    expect(new Set(PLAIN.map(([key]) => key)).size).toBe(PLAIN.length);
  });
});
