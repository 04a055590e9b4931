/** A task in review, as the server shows it: all that was said, side by side. */
import type { Label } from "../service/records";

export interface Waiting {
  id: number;
  item: number;
  kind: string;
  reason: string;
}

export interface Submission {
  id: number;
  annotator: string;
  label: Label | null;
  reason: string;
  rationale: string;
  prediction_shown: boolean;
  seconds: number | null;
  /** The rules that it breaks. */
  broken: string[];
}

export interface Case {
  id: number;
  item: number;
  width: number;
  height: number;
  reason: string;
  /** What people come to, together. */
  proposed: Label | null;
  prediction: Label | null;
  submissions: Submission[];
  /** What was settled before; `version` is 0 where nothing was. */
  holds: Label | null;
  version: number;
}

/** What was said in words: a class, how many objects, or that it cannot be told. */
export function inWords(label: Label | null, reason: string, classes: readonly string[]): string {
  if (label === null) return reason ? `cannot tell: ${reason}` : "cannot tell";
  if (typeof label === "number") return classes[label] ?? "?";
  const count = label.objects.length;
  if (!count) return "nothing";
  const names = [...new Set(label.objects.map((thing) => classes[thing.label] ?? "?"))];
  return `${count} ${count === 1 ? "object" : "objects"}: ${names.join(", ")}`;
}
