/** Signing in, and choosing a password of one's own. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { call, get } from "../service/client";
import { complain, learnWhoIAm, note, signIn } from "../store";

/** Run what a form asks for; its button rests meanwhile. */
export function useSubmission(work: (form: FormData) => Promise<void>) {
  const busy = useSignal(false);
  const onSubmit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }): Promise<void> => {
    event.preventDefault();
    busy.value = true;
    try {
      await work(new FormData(event.currentTarget));
    } catch (error) {
      complain(error);
    } finally {
      busy.value = false;
    }
  };
  return { busy, onSubmit };
}

/** The field that has the focus once its form is there. */
function useFirstField() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return field;
}

const text = (form: FormData, name: string): string => String(form.get(name) ?? "");

export function SignIn() {
  const first = useFirstField();
  const elsewhere = useSignal(false);
  useEffect(() => {
    // A server that is away says so to whoever signs in.
    get<{ elsewhere: boolean }>("/health").then((health) => (elsewhere.value = health.elsewhere), () => undefined);
  }, []);
  const { busy, onSubmit } = useSubmission((form) => signIn(text(form, "name"), text(form, "password")));
  return (
    <form class="card narrow" onSubmit={onSubmit}>
      <h1>Sign in</h1>
      <label class="field">
        Name
        <input ref={first} name="name" autocomplete="username" autocapitalize="none" spellcheck={false} required />
      </label>
      <label class="field">
        Password
        <input name="password" type="password" autocomplete="current-password" required />
      </label>
      <button class="primary" disabled={busy.value}>
        Sign in
      </button>
      {elsewhere.value && (
        <p class="elsewhere">
          <a href="/api/session/elsewhere">Sign in with your organisation</a>
        </p>
      )}
    </form>
  );
}

/** `required` where the password in use is good for once only. */
export function NewPassword({ required = false }: { required?: boolean }) {
  const first = useFirstField();
  const { busy, onSubmit } = useSubmission(async (form) => {
    if (text(form, "new") !== text(form, "again")) throw new Error("The two new passwords differ.");
    await call("PUT", "/me/password", { body: { old: text(form, "old"), new: text(form, "new") } });
    await learnWhoIAm();
    location.hash = "#/";
    note("Your password is changed.");
  });
  return (
    <form class="card narrow" onSubmit={onSubmit}>
      <h1>{required ? "Choose a password of your own" : "Change your password"}</h1>
      {required && <p>The one that you signed in with is good for once.</p>}
      <label class="field">
        Password so far
        <input ref={first} name="old" type="password" autocomplete="current-password" required />
      </label>
      <label class="field">
        New password
        <input name="new" type="password" autocomplete="new-password" minLength={12} required />
      </label>
      <label class="field">
        New password again
        <input name="again" type="password" autocomplete="new-password" required />
      </label>
      <button class="primary" disabled={busy.value}>
        Change
      </button>
    </form>
  );
}
