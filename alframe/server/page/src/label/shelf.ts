/** What the browser keeps for whoever is signed in, beyond a reload. */
import { me } from "../store";

const full = (name: string): string => `alframe/${me.peek()?.id ?? 0}/${name}`;

export function kept<T>(name: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(full(name)) ?? "null") as T | null;
  } catch {
    return null;
  }
}

/** Keep a value; `null` forgets it. A browser that keeps nothing costs the safety net, not the work. */
export function keep(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(full(name));
    else localStorage.setItem(full(name), JSON.stringify(value));
  } catch {
    // Full, or forbidden.
  }
}

/** The names that begin so, in order. */
export function names(prefix: string): string[] {
  const all = Object.keys(localStorage).filter((name) => name.startsWith(full(prefix)));
  return all.map((name) => name.slice(full("").length)).sort();
}
