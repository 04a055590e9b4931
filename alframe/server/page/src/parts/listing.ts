/** Lists of the server: read whole where they are short, in parts where they may be long. */
import { batch, useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { get } from "../service/client";
import type { Page } from "../service/records";
import { complain } from "../store";

/** The part of a list that follows `after`. */
export const part = <T>(path: string, limit: number, after = 0): Promise<Page<T>> =>
  get(`${path}${path.includes("?") ? "&" : "?"}limit=${limit}&after=${after}`);

export async function all<T>(path: string): Promise<T[]> {
  const found: T[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const page: Page<T> = await part(path, 200, after);
    found.push(...page.items);
    after = page.next;
  }
  return found;
}

/** What `read` gives, `null` until it is there; `again` reads it once more. */
export function useFetched<T>(read: () => Promise<T>, on: unknown[]): { value: Signal<T | null>; again: () => void } {
  const value = useSignal<T | null>(null);
  const again = (): void => void read().then((found) => (value.value = found), complain);
  useEffect(again, on);
  return { value, again };
}

const PART = 50;
const MOST = 1_000; // that the server gives at once

/** A list that may be long: its first rows, `null` until they are there; `more` where it goes on; `again` reads what is shown once more. */
export function useParts<T>(path: string) {
  const rows = useSignal<T[] | null>(null);
  const next = useSignal<number | null>(null);
  const read = async (limit: number, after: number, before: T[]): Promise<void> => {
    try {
      const found = await part<T>(path, limit, after);
      batch(() => {
        rows.value = [...before, ...found.items];
        next.value = found.next;
      });
    } catch (error) {
      complain(error);
    }
  };
  const again = (): void => void read(Math.min(MOST, Math.max(PART, rows.peek()?.length ?? 0)), 0, []);
  const more = (): void => void (next.value !== null && read(PART, next.value, rows.value ?? []));
  useEffect(again, [path]);
  return { rows, again, more: next.value === null ? null : more };
}
