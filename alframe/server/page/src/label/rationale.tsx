/** Why: a word to whoever reviews the answer. */
import type { Answer } from "./answer";

export function Rationale({ answer, submit }: { answer: Answer; submit: () => void }) {
  const onKey = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }): void => {
    if (event.key === "Escape") event.currentTarget.blur();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  };
  return (
    <label class="field">
      <span>
        Rationale <span class="faint">(R; Escape leaves)</span>
      </span>
      <textarea
        id="rationale"
        rows={2}
        value={answer.rationale.value}
        onInput={(event) => answer.write(event.currentTarget.value)}
        onKeyDown={onKey}
      />
    </label>
  );
}
