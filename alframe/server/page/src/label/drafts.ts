/** Unfinished answers: kept in the browser at once, and on the server a moment later. */
import { call } from "../service/client";
import type { Label, Lease } from "../service/records";
import { keep, kept } from "./shelf";

export interface Draft {
  /** `undefined` where nothing has been said yet. */
  label?: Label;
  rationale: string;
  predictionShown: boolean;
  /** Milliseconds since 1970, by the browser's clock. */
  saved: number;
}

const PAUSE = 1_000;
let timer: ReturnType<typeof setTimeout> | undefined;
let due: ((leaving: boolean) => void) | undefined;

const name = (task: number): string => `draft/${task}`;

const isDraft = (found: unknown): found is Draft => typeof found === "object" && found !== null && "saved" in found;

/** The newer of what the browser and the server kept. */
export function draftOf(lease: Lease): Draft | null {
  const all = [kept<Draft>(name(lease.task)), lease.draft].filter(isDraft);
  return all.sort((a, b) => b.saved - a.saved)[0] ?? null;
}

export function saveDraft(lease: Lease, draft: Draft): void {
  keep(name(lease.task), draft);
  clearTimeout(timer);
  due = (leaving) => {
    due = undefined;
    const path = `/assignments/${lease.assignment}/draft`;
    // The browser has it too: a server that is away, or has given the item to somebody else, loses nothing.
    call("PUT", path, { body: { fence: lease.fence, body: draft }, keepalive: leaving }).catch(() => undefined);
  };
  timer = setTimeout(() => due?.(false), PAUSE);
}

/** Send a draft that waits now: the page is being left. */
export function flushDraft(): void {
  clearTimeout(timer);
  due?.(true);
}

/** The item has been dealt with: what waits to be sent is not worth it any more. */
export function stopSaving(): void {
  clearTimeout(timer);
  due = undefined;
}

export const forgetDraft = (task: number): void => keep(name(task), null);

addEventListener("pagehide", flushDraft);
