/** What is asked before an image is given back, and the table of keys. */
import { useSignal } from "@preact/signals";

import { Dialog } from "../parts/dialog";
import { listen, listening } from "./doing";
import { PLAIN } from "./keys";

export type Way = "cannot-tell" | "skip" | "flag";

const WAYS: Record<Way, { title: string; ask: string; button: string; needsReason: boolean }> = {
  "cannot-tell": { title: "Cannot tell", ask: "Why can it not be told?", button: "Send", needsReason: true },
  skip: { title: "Skip", ask: "Why? (may stay empty)", button: "Skip", needsReason: false },
  flag: { title: "Flag", ask: "What is wrong with this image?", button: "Flag", needsReason: true },
};

interface PassingProps {
  way: Way;
  close: () => void;
  done: (way: Way, reason: string) => void;
}

export function Passing({ way, close, done }: PassingProps) {
  const { title, ask, button, needsReason } = WAYS[way];
  const reason = useSignal("");
  const submit = (event: Event): void => {
    event.preventDefault();
    close();
    done(way, reason.value.trim());
  };
  return (
    <Dialog title={title} close={close}>
      <form onSubmit={submit}>
        <label class="field">
          {ask}
          <input
            autofocus
            required={needsReason}
            maxLength={1000}
            value={reason.value}
            onInput={(event) => (reason.value = event.currentTarget.value)}
          />
        </label>
        <div class="buttons">
          <button class="primary" type="submit">
            {button}
          </button>
          <button type="button" onClick={close}>
            Back
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function Keys({ close }: { close: () => void }) {
  return (
    <Dialog title="Keys" close={close}>
      <label class="check">
        <input type="checkbox" checked={listening.value} onChange={(event) => listen(event.currentTarget.checked)} />
        Single keys are commands
      </label>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of keys">
        <table class="keys">
          <tbody>
            <tr>
              <th scope="row">
                <kbd>1</kbd> … <kbd>9</kbd>, <kbd>0</kbd>
              </th>
              <td>Choose a class</td>
            </tr>
            <tr>
              <th scope="row">
                <kbd>Arrows</kbd>
              </th>
              <td>Move the selected object (with Ctrl ten pixels), or the image; with Shift resize it</td>
            </tr>
            {PLAIN.map(([key, , text]) => (
              <tr key={key}>
                <th scope="row">
                  <kbd>{key}</kbd>
                </th>
                <td>{text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="buttons">
        <button onClick={close}>Close</button>
      </div>
    </Dialog>
  );
}
