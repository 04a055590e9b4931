/** Answers on their way: kept in the browser until the server has taken each, once, or refused it. */
import { computed, signal } from "@preact/signals";

import { call, Problem, Unreachable } from "../service/client";
import { me } from "../store";
import { kept, keep, names } from "./shelf";

export interface Letter {
  /** The request's name: however often it is sent, the server takes it once. */
  key: string;
  task: number;
  item: number;
  assignment: number;
  body: unknown;
}

const PREFIX = "outbox/";
const LONGEST_PAUSE = 15_000;

export const letters = signal<Letter[]>([]);
/** Whether the last attempt to send failed. */
export const stalled = signal(false);
export const unsent = computed(() => letters.value.length);

let sending = false;
let pause = 500;
let timer: ReturnType<typeof setTimeout> | undefined;
let whenTaken: (letter: Letter) => void = () => undefined;
let whenRefused: (letter: Letter, problem: Problem) => void = () => undefined;

export function watch(taken: typeof whenTaken, refused: typeof whenRefused): void {
  whenTaken = taken;
  whenRefused = refused;
}

/** Take up what an earlier visit left unsent. */
export function reopen(): void {
  letters.value = names(PREFIX).flatMap((name) => kept<Letter>(name) ?? []);
  void flush();
}

export function post(letter: Letter): void {
  keep(PREFIX + letter.key, letter);
  letters.value = [...letters.value, letter];
  void flush();
}

/** Send what is there, in order; what cannot be sent now is tried again after growing pauses. */
export async function flush(): Promise<void> {
  clearTimeout(timer);
  if (sending || !me.peek()) return; // whoever signs in opens their own again
  sending = true;
  try {
    for (let letter = letters.value[0]; letter; letter = letters.value[0]) await deliver(letter);
    pause = 500;
    stalled.value = false;
  } catch (error) {
    stalled.value = error instanceof Unreachable;
    const wait = error instanceof Problem && error.retryAfter ? error.retryAfter * 1000 : pause;
    timer = setTimeout(() => void flush(), wait);
    pause = Math.min(LONGEST_PAUSE, pause * 2);
  } finally {
    sending = false;
  }
}

async function deliver(letter: Letter): Promise<void> {
  const { key, body } = letter;
  try {
    await call("POST", `/assignments/${letter.assignment}/submission`, { body, key });
    drop(letter);
    whenTaken(letter);
  } catch (error) {
    if (!(error instanceof Problem) || error.status === 401 || error.status === 429) throw error;
    drop(letter);
    whenRefused(letter, error);
  }
}

function drop({ key }: Letter): void {
  keep(PREFIX + key, null);
  letters.value = letters.value.filter((letter) => letter.key !== key);
}

addEventListener("online", () => void flush());
