/** What every part of the page knows: who is signed in, where they are, and what they were last told. */
import { computed, signal } from "@preact/signals";

import * as client from "./service/client";
import type { Me } from "./service/records";

export interface Message {
  text: string;
  kind: "note" | "error";
}

/** `undefined` until it is known whether somebody is signed in. */
export const me = signal<Me | null | undefined>(undefined);
export const message = signal<Message | null>(null);
export const hash = signal(location.hash);

/** The parts of the address: `#/projects/3/label` is `["projects", "3", "label"]`. */
export const place = computed(() => hash.value.replace(/^#\/?/, "").split("/").filter(Boolean));

addEventListener("hashchange", () => {
  hash.value = location.hash;
  if (message.value?.kind === "error") message.value = null;
});

const NOTED = 8_000; // milliseconds

/** Say what was done, for a while. */
export function note(text: string): void {
  const said: Message = { text, kind: "note" };
  message.value = said;
  setTimeout(() => message.value === said && (message.value = null), NOTED);
}

/** Say what went wrong; the text comes from the server where it refused something. */
export function complain(error: unknown): void {
  message.value = { text: error instanceof Error ? error.message : String(error), kind: "error" };
}

export async function learnWhoIAm(): Promise<void> {
  me.value = await client.get<Me>("/me");
}

/** Go on with the session of the cookie, if there is one. */
export async function resume(): Promise<void> {
  try {
    if (await client.renew()) return await learnWhoIAm();
  } catch (error) {
    complain(error);
  }
  me.value = null;
}

export async function signIn(name: string, password: string): Promise<void> {
  await client.signIn(name, password);
  await learnWhoIAm();
  message.value = null;
}

export async function signOut(): Promise<void> {
  try {
    await client.signOut();
  } finally {
    me.value = null;
    location.hash = "";
  }
}

client.onSignedOut(() => {
  me.value = null;
  message.value = { text: "Your session has ended. Sign in again; nothing that you did is lost.", kind: "error" };
});
