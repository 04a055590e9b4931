/** What was, is, and was taken back: undo and redo over values that are never changed in place. */

export interface History<T> {
  past: T[];
  present: T;
  future: T[];
}

const STEPS = 200;

export const begun = <T>(present: T): History<T> => ({ past: [], present, future: [] });

export const pushed = <T>({ past, present }: History<T>, next: T): History<T> => ({
  past: [...past, present].slice(-STEPS),
  present: next,
  future: [],
});

export function undone<T>(history: History<T>): History<T> {
  const { past, present, future } = history;
  return past.length ? { past: past.slice(0, -1), present: past.at(-1)!, future: [present, ...future] } : history;
}

export function redone<T>(history: History<T>): History<T> {
  const { past, present, future } = history;
  return future.length ? { past: [...past, present], present: future[0]!, future: future.slice(1) } : history;
}
