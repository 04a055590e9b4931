/** What each command does, whether it comes from a key or a button. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { complain } from "../store";
import type { Answer, Tool } from "./answer";
import { diameterOf } from "./brush";
import type { Way } from "./dialogs";
import { command, type Command } from "./keys";
import { kept, keep } from "./shelf";
import { steering } from "./stage";
import { boxed, nudged, ringed, ringOf, tidy } from "./things";

export interface Doing {
  answer: Answer;
  submit(): void;
  choose(index: number): void;
  ask(way: Way): void;
  help(): void;
}

/** Whether single keys are commands: whoever speaks to their computer, or types by accident, turns them off. */
export const listening = signal(true);

export function listen(on: boolean): void {
  listening.value = on;
  keep("keys", on);
}

const PAN = 40;

export function carryOut(wanted: Command, doing: Doing): void {
  const { answer } = doing;
  const drawing = answer.project.kind !== "classification";
  switch (wanted.name) {
    case "class":
      return doing.choose(wanted.index);
    case "nudge":
      return nudge(answer, wanted.dx, wanted.dy, wanted.resize);
    case "submit":
      return doing.submit();
    case "prediction":
      if (answer.lease.prediction) answer.askPrediction().catch(complain);
      return;
    case "cannot-tell":
    case "skip":
    case "flag":
      return doing.ask(wanted.name);
    case "filter":
      return document.getElementById("class-filter")?.focus();
    case "rationale":
      return document.getElementById("rationale")?.focus();
    case "help":
      return doing.help();
    case "undo":
      return answer.undo();
    case "redo":
      return answer.redo();
    case "zoom-in":
      return steering.value?.zoom(1.25);
    case "zoom-out":
      return steering.value?.zoom(0.8);
    case "zoom-reset":
      return steering.value?.reset();
    case "box":
    case "polygon":
    case "brush":
    case "eraser":
      if (toolsOf(answer).includes(wanted.name)) answer.tool.value = wanted.name;
      return;
    case "smaller":
      return widen(answer, 0.8);
    case "larger":
      return widen(answer, 1.25);
    case "new":
      if (drawing) create(answer);
      return;
    case "previous":
    case "next":
      return cycle(answer, wanted.name === "next" ? 1 : -1);
    case "corner":
      return nextCorner(answer);
    case "delete":
      if (answer.selected.value !== null) answer.setThing(answer.selected.value, null);
      return;
    case "nothing":
      answer.select(null);
      void import("./shapes").then(({ cancelDrawing }) => cancelDrawing());
  }
}

export const toolsOf = ({ project }: Answer): Tool[] =>
  project.kind === "detection" ? ["box"] : project.kind === "segmentation" ? ["polygon", "brush", "eraser"] : [];

function nudge(answer: Answer, dx: number, dy: number, resize: boolean): void {
  const at = answer.selected.value;
  const thing = at === null ? undefined : answer.things.value[at];
  if (at === null || !thing) return steering.value?.pan(-dx * PAN, -dy * PAN);
  answer.setThing(at, nudged(thing, dx, dy, resize, answer.corner.value, answer.size));
}

/** A quarter of what is seen, in its middle: to be moved and resized with the arrow keys. */
function create(answer: Answer): void {
  const { x, y, width, height } = steering.value!.middle();
  const [w, h] = [Math.max(1, Math.round(width / 8)), Math.max(1, Math.round(height / 8))];
  const [left, top] = [Math.round(x), Math.round(y)];
  const thing = boxed(tidy([left - w, top - h, left + w, top + h], answer.size), answer.current.value);
  const [x0, y0, x1, y1] = thing.box;
  answer.addThing(answer.project.kind === "detection" ? thing : ringed(thing, [x0, y0, x1, y0, x1, y1, x0, y1], answer.size));
}

/** By at least a pixel, up to half of the image. */
function widen(answer: Answer, factor: number): void {
  const diameter = diameterOf(answer);
  const step = Math.max(1, Math.round(diameter.value * Math.abs(factor - 1))) * Math.sign(factor - 1);
  diameter.value = Math.max(1, Math.min(widest(answer), diameter.value + step));
}

export const widest = ({ size }: Answer): number => Math.max(2, Math.round(Math.max(size.width, size.height) / 2));

function cycle(answer: Answer, step: number): void {
  const count = answer.things.value.length;
  const at = answer.selected.value;
  if (count) answer.select(at === null ? (step > 0 ? 0 : count - 1) : (at + step + count) % count);
}

function nextCorner(answer: Answer): void {
  const thing = answer.things.value[answer.selected.value ?? -1];
  const ring = thing && ringOf(thing);
  if (!ring) return;
  const next = (answer.corner.value ?? -1) + 1;
  answer.corner.value = next < ring.length / 2 ? next : null;
}

/** Keys are commands while `ready`, but for those that whatever has the focus needs itself. */
export function useKeys(doing: Doing, ready: () => boolean): void {
  useEffect(() => {
    listening.value = kept<boolean>("keys") ?? true;
    const onKey = (event: KeyboardEvent): void => {
      if (!ready() || taken(event)) return;
      const control = event.ctrlKey || event.metaKey;
      if (!listening.value && event.key.length === 1 && !control) return;
      const found = command(event, doing.answer.project.classes);
      if (!found) return;
      event.preventDefault();
      event.stopImmediatePropagation(); // Annotorious has an undo of its own
      carryOut(found, doing);
    };
    addEventListener("keydown", onKey, true);
    return () => removeEventListener("keydown", onKey, true);
  });
}

function taken(event: KeyboardEvent): boolean {
  const target = event.target as Element;
  if (target.closest("textarea, select, dialog, input:not([type=radio], [type=checkbox])")) return true;
  if (event.key === "Enter" || event.key === " ") return target.closest("button, a, summary") !== null;
  if (event.key.startsWith("Arrow")) return target.closest("[type=radio]") !== null;
  return event.key === "Delete" && document.querySelector(".a9s-handle-selected, .a9s-handle-dot.selected") !== null;
}
