/** Labelling: the item before one's eyes, and everything that can be said of it. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { call, freshKey } from "../service/client";
import type { Label, Project } from "../service/records";
import { complain, note } from "../store";
import { Answer } from "./answer";
import { Classes } from "./classes";
import { draftOf, flushDraft, forgetDraft, saveDraft, stopSaving } from "./drafts";
import { carryOut, useKeys } from "./doing";
import { Guidelines } from "./guidelines";
import { Keys, Passing, type Way } from "./dialogs";
import { Objects } from "./objects";
import { letters, post, stalled, watch } from "./outbox";
import { Rationale } from "./rationale";
import { kept, keep } from "./shelf";
import { Stage } from "./stage";
import { Tools } from "./tools";
import { Work, type Held, type Standing } from "./work";

const STANDINGS: Record<Standing, string> = {
  working: "",
  loading: "Getting the next image …",
  nothing: "Nothing to label for now. This page asks again every few seconds.",
  paused: "This project is paused. Its manager lets it go on.",
  waiting: "Waiting until the server gives out the next image …",
  unreachable: "The server cannot be reached. What you have done is kept, and this page tries again every few seconds.",
};

export function Labeller({ project }: { project: Project }) {
  const work = useMemo(() => new Work(project), [project]);
  useEffect(() => {
    watch(
      (letter) => {
        forgetDraft(letter.task);
        work.fill().catch(complain);
      },
      (letter, problem) => {
        complain(`Your answer to item ${letter.item} was not taken: ${problem.message} It is kept as a draft.`);
        work.fill().catch(complain);
      },
    );
    const answered = (assignment: number) => letters.value.some((letter) => letter.assignment === assignment);
    work.open((lease) => answered(lease.assignment)).catch(complain);
    return () => {
      flushDraft();
      work.close();
    };
  }, [work]);

  const first = work.held.value[0];
  if (!first) return <p class="empty">{STANDINGS[stalled.value ? "unreachable" : work.standing.value]}</p>;
  return <Item key={`${first.lease.assignment}/${first.lease.fence}`} project={project} work={work} held={first} />;
}

function Item({ project, work, held }: { project: Project; work: Work; held: Held }) {
  const { lease, image } = held;
  const answer = useMemo(() => new Answer(project, lease, draftOf(lease), (draft) => saveDraft(lease, draft)), [lease]);
  const way = useSignal<Way | null>(null);
  const help = useSignal(false);
  const quick = useSignal(kept<boolean>("quick") ?? false);
  const lost = useComputed(() => (work.lost.value?.assignment === lease.assignment ? work.lost.value : null));

  useEffect(() => {
    const seen = () => answer.visible(!document.hidden);
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, [answer]);

  const send = (label: Label | null, reason: string): void => {
    stopSaving();
    const { assignment, task, item } = lease;
    post({ key: freshKey(), task, item, assignment, body: answer.body(label, reason) });
    note(`Item ${item}: ${label === null ? "cannot tell" : typeof label === "number" ? project.classes[label] : "sent"}.`);
    work.drop(assignment);
  };
  const submit = (): void => {
    const missing = answer.missing();
    if (missing !== null || answer.label.value === undefined) return complain(missing);
    send(answer.label.value, "");
  };
  const pass = async (kind: "skip" | "flag", reason: string): Promise<void> => {
    try {
      await call("POST", `/assignments/${lease.assignment}/pass`, { body: { fence: lease.fence, kind, reason } });
    } catch (error) {
      return complain(error);
    }
    stopSaving();
    forgetDraft(lease.task);
    note(kind === "skip" ? `Item ${lease.item} is left to others.` : `Item ${lease.item} is flagged.`);
    work.drop(lease.assignment);
    await work.fill();
  };
  const retake = async (): Promise<void> => {
    try {
      if (await work.retake(lease)) note(`Item ${lease.item} is yours again.`);
      else complain(`Item ${lease.item} cannot be had now. Your draft is kept for when it comes again.`);
    } catch (error) {
      complain(error);
    }
  };
  const next = (): void => {
    work.drop(lease.assignment);
    work.fill().catch(complain);
  };
  const choose = (index: number): void => {
    answer.chooseClass(index);
    if (project.kind === "classification" && quick.value) submit();
  };
  const doing = { answer, submit, choose, ask: (chosen: Way) => (way.value = chosen), help: () => (help.value = true) };
  useKeys(doing, () => way.value === null && !help.value);

  return (
    <div class="labeller">
      <section class="main" aria-label="Image">
        {lost.value && (
          <div class="banner" role="alert">
            <p>You may not hold this image any longer: {lost.value.why}.</p>
            <button onClick={() => void retake()}>Take it again</button>
            <button onClick={next}>Next image</button>
          </div>
        )}
        {project.kind !== "classification" && <Tools doing={doing} />}
        <Stage answer={answer} image={image} />
      </section>
      <aside class="panel" aria-label="Answer">
        <Classes answer={answer} choose={choose} />
        {project.kind === "classification" ? (
          <label class="check">
            <input
              type="checkbox"
              checked={quick.value}
              onChange={(event) => keep("quick", (quick.value = event.currentTarget.checked))}
            />
            Send as soon as a class is chosen
          </label>
        ) : (
          <Objects answer={answer} />
        )}
        <Rationale answer={answer} submit={submit} />
        <div class="buttons">
          <button class="primary" onClick={submit}>
            Send <kbd>Enter</kbd>
          </button>
          {lease.prediction && (
            <button disabled={answer.prediction.value !== null} onClick={() => carryOut({ name: "prediction" }, doing)}>
              Prediction <kbd>P</kbd>
            </button>
          )}
          <button onClick={() => (way.value = "cannot-tell")}>
            Cannot tell <kbd>U</kbd>
          </button>
          <button onClick={() => (way.value = "skip")}>
            Skip <kbd>S</kbd>
          </button>
          <button onClick={() => (way.value = "flag")}>
            Flag <kbd>F</kbd>
          </button>
          <button onClick={() => (help.value = true)}>
            Keys <kbd>?</kbd>
          </button>
        </div>
        <Guidelines project={project} />
      </aside>
      {way.value && (
        <Passing
          way={way.value}
          close={() => (way.value = null)}
          done={(kind, reason) => (kind === "cannot-tell" ? send(null, reason) : void pass(kind, reason))}
        />
      )}
      {help.value && <Keys close={() => (help.value = false)} />}
    </div>
  );
}
