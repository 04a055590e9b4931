import { expect, it } from "vitest";

import { everyDay } from "./statistics";

it("knows the days on which nothing happened, over a change of the clocks and of the month", () => {
  const busy = ["2026-03-28", "2026-04-01"].map((day) => ({ day, answers: 3, settled: 1 }));
  const days = everyDay(busy);
  expect(days.map(({ day }) => day)).toEqual(["2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31", "2026-04-01"]);
  expect(days.map(({ answers }) => answers)).toEqual([3, 0, 0, 0, 3]);
  expect(everyDay([])).toEqual([]);
});
