/** One case: every answer beside the others; take one of them, or correct it, say why, and decide. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { Answer } from "../label/answer";
import { Classes } from "../label/classes";
import { useKeys } from "../label/doing";
import { Fixed } from "../label/fixed";
import { Objects } from "../label/objects";
import { Stage } from "../label/stage";
import { Tools } from "../label/tools";
import { call, freshKey, get, picture } from "../service/client";
import type { Label, Lease, Project } from "../service/records";
import { complain, note } from "../store";
import { inWords, type Case } from "./case";
import { Cover } from "./cover";

interface Props {
  project: Project;
  task: number;
  decided: () => void;
}

export function Decide({ project, task, decided }: Props) {
  const found = useSignal<Case | null>(null);
  useEffect(() => {
    get<Case>(`/tasks/${task}`).then((shown) => (found.value = shown), complain);
  }, [task]);
  return found.value ? <Open project={project} shown={found.value} decided={decided} /> : <p class="empty">One moment …</p>;
}

interface Option {
  who: string;
  label: Label | null;
  reason: string;
  rationale: string;
  broken: string[];
}

/** Everything that a reviewer may take: people's answers, the model's, and what held before. */
function optionsOf({ submissions, prediction, holds, version }: Case): Option[] {
  const alone = { reason: "", rationale: "", broken: [] };
  return [
    ...submissions.map(({ annotator, ...said }) => ({ who: annotator, ...said })),
    ...(prediction === null ? [] : [{ who: "the model", label: prediction, ...alone }]),
    ...(version ? [{ who: `version ${version}`, label: holds, ...alone }] : []),
  ];
}

function Open({ project, shown, decided }: { project: Project; shown: Case; decided: () => void }) {
  const key = useMemo(freshKey, [shown]);
  const reason = useSignal("");
  const busy = useSignal(false);
  const nothing = useSignal(false);
  const answer = useMemo(() => new Answer(project, seat(shown), null, () => undefined), [shown]);
  const covered = useSignal(0);
  const image = useMemo(() => picture(`/items/${shown.item}/image`), [shown, covered.value]);
  useEffect(() => () => void image.then(URL.revokeObjectURL, () => undefined), [image]);
  const options = useMemo(() => optionsOf(shown), [shown]);

  const take = (option: Option): void => {
    nothing.value = option.label === null;
    if (option.label !== null) answer.say(option.label);
    if (option.label === null && !reason.value) reason.value = option.reason;
  };
  const submit = async (): Promise<void> => {
    const label = nothing.value ? null : answer.label.value;
    if (label === undefined) return complain("Take an answer, or give one.");
    if (label === null && !reason.value.trim()) {
      document.getElementById("rationale")?.focus();
      return complain("Say why it cannot be told.");
    }
    busy.value = true;
    try {
      const { label: said } = answer.body(label, "") as { label: Label | null };
      await call("POST", `/tasks/${shown.id}/decision`, { body: { label: said, reason: reason.value.trim() }, key });
      note(`Item ${shown.item} is decided.`);
      decided();
    } catch (error) {
      complain(error);
    } finally {
      busy.value = false;
    }
  };
  const choose = (index: number): void => {
    nothing.value = false;
    answer.chooseClass(index);
  };
  const unasked = (): void => undefined;
  const doing = { answer, submit: () => void submit(), choose, ask: unasked, help: unasked };
  useLetters(options, take);
  useKeys(doing, () => true);

  return (
    <div class="review">
      <section aria-label="What was said">
        <h2>
          Item {shown.item} <span class="faint">{shown.reason}</span>
        </h2>
        <ul class="answers">
          {options.map((option, i) => (
            <li key={i} class="card">
              <h3>
                {option.who} <span class="faint">{inWords(option.label, option.reason, project.classes)}</span>
              </h3>
              <Fixed image={image} size={answer.size} label={option.label} classes={project.classes} alt={`What ${option.who} said`} />
              {option.rationale && <blockquote>{option.rationale}</blockquote>}
              {option.broken.map((rule) => (
                <p key={rule} class="broken">
                  {rule}
                </p>
              ))}
              <button onClick={() => take(option)}>
                Take this <kbd>Alt {letter(i)}</kbd>
              </button>
            </li>
          ))}
        </ul>
      </section>
      <div class="labeller">
        <section class="main" aria-label="Decision">
          {project.kind !== "classification" && <Tools doing={doing} />}
          <Stage answer={answer} image={image} />
        </section>
        <aside class="panel" aria-label="Decision">
          <Classes answer={answer} choose={choose} />
          {project.kind !== "classification" && <Objects answer={answer} />}
          <label class="check">
            <input type="checkbox" checked={nothing.value} onChange={(event) => (nothing.value = event.currentTarget.checked)} />
            It cannot be told
          </label>
          <label class="field">
            Why (R)
            <textarea id="rationale" rows={2} value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} onKeyDown={leave} />
          </label>
          <div class="buttons">
            <button class="primary" disabled={busy.value} onClick={doing.submit}>
              Decide <kbd>Enter</kbd>
            </button>
          </div>
          {project.role === "manager" && <Cover project={project} item={shown.item} covered={() => (covered.value += 1)} />}
        </aside>
      </div>
    </div>
  );
}

const letter = (i: number): string => String.fromCharCode(65 + i);

/** Escape leaves the text, so that keys are commands again. */
function leave(event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }): void {
  if (event.key === "Escape") event.currentTarget.blur();
}

/** Alt and a letter take an answer, wherever the focus is. */
function useLetters(options: Option[], take: (option: Option) => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const option = event.altKey ? options.find((_, i) => event.code === `Key${letter(i)}`) : undefined;
      if (!option) return;
      event.preventDefault();
      take(option);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
}

/** What the reviewer draws on is nobody's lease. */
const seat = ({ id, item, width, height, proposed }: Case): Lease => ({
  assignment: 0,
  task: id,
  item,
  project: 0,
  fence: 0,
  expires_in: 0,
  width,
  height,
  draft: null,
  prefill: proposed,
  prediction: false,
});
