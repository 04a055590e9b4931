/** A project in numbers, as the server counts them. */

export interface Day {
  day: string;
  answers: number;
  settled: number;
}

export interface Pair {
  first: number;
  second: number;
  value: number | null;
  shared: number;
}

export interface AnnotatorLine {
  id: number;
  name: string;
  answers: number;
  seconds: number | null;
  gold_asked: number;
  gold_right: number;
  skill: number | null;
  verdict: string | null;
}

export interface Statistics {
  tasks: { open: number; complete: number; review: number; settled: number; withdrawn: number };
  backlog: number;
  answers: number;
  cost: number;
  per_day: Day[];
  annotators: AnnotatorLine[];
  agreement: {
    measure: "alpha" | "iou";
    value: number | null;
    per_class: { class: string; value: number | null }[];
    pairs: Pair[];
    over_time: { day: string; value: number | null }[];
  };
  classes: { class: string; settled: number }[];
  groups: { group: string; items: number; queried: number; labelled: number; agreement: number | null }[];
}

const DAY = 24 * 60 * 60 * 1000; // milliseconds

/** All days from the first to the last, those on which nothing happened too. */
export function everyDay(days: readonly Day[]): Day[] {
  const known = new Map(days.map((line) => [line.day, line]));
  const [first, last] = [days[0], days.at(-1)].map((line) => Date.parse(line?.day ?? ""));
  const found: Day[] = [];
  for (let at = first!; at <= last!; at += DAY) {
    const day = new Date(at).toISOString().slice(0, 10);
    found.push(known.get(day) ?? { day, answers: 0, settled: 0 });
  }
  return found;
}
