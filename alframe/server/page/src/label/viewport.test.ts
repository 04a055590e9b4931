import { expect, it } from "vitest";

import { panned, whole, zoomed } from "./viewport";

const stage = { width: 624, height: 424 };

it("shows the whole image in the middle", () => {
  expect(whole({ width: 8, height: 8 }, stage)).toEqual({ scale: 50, x: 112, y: 12 });
});

it("keeps what lies under the pointer where it is", () => {
  const before = { scale: 2, x: 10, y: 20 };
  const after = zoomed(before, 1.5, [110, 70]);
  expect((110 - after.x) / after.scale).toBeCloseTo((110 - before.x) / before.scale);
  expect((70 - after.y) / after.scale).toBeCloseTo((70 - before.y) / before.scale);
});

it("keeps some of the image in sight", () => {
  expect(panned({ scale: 1, x: 0, y: 0 }, -9999, 9999, { width: 100, height: 100 }, stage)).toEqual({ scale: 1, x: -60, y: 384 });
});
