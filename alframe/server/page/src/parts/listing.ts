/** Lists of the server, read whole. */
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { get } from "../service/client";
import type { Page } from "../service/records";
import { complain } from "../store";

export async function all<T>(path: string): Promise<T[]> {
  const found: T[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const page: Page<T> = await get(`${path}${path.includes("?") ? "&" : "?"}limit=200&after=${after}`);
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
