import { expect, it } from "vitest";

import { begun, pushed, redone, undone } from "./history";

it("takes back and does again, in order", () => {
  const history = pushed(pushed(begun("a"), "b"), "c");
  expect(undone(undone(history)).present).toBe("a");
  expect(redone(undone(undone(history))).present).toBe("b");
  expect(redone(redone(undone(undone(history))))).toEqual(history);
});

it("stays where there is nothing more", () => {
  const history = begun(1);
  expect(undone(history)).toBe(history);
  expect(redone(history)).toBe(history);
});

it("forgets what was taken back once something else is done", () => {
  const other = pushed(undone(pushed(begun("a"), "b")), "c");
  expect(other).toEqual({ past: ["a"], present: "c", future: [] });
});

it("keeps a bounded past", () => {
  let history = begun(0);
  for (let i = 1; i <= 1000; i++) history = pushed(history, i);
  expect(history.past).toHaveLength(200);
  expect(undone(history).present).toBe(999);
});
