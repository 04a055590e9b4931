/** The classes to choose from: with their keys, and a filter where there are more than keys. */
import { useSignal } from "@preact/signals";

import { colourOf } from "../colours";
import type { Answer } from "./answer";
import { classKey } from "./keys";

const FILTER_FROM = 11;

export function Classes({ answer, choose }: { answer: Answer; choose: (index: number) => void }) {
  const { classes, kind, settings } = answer.project;
  const filter = useSignal("");
  const label = answer.label.value;
  const selected = answer.things.value[answer.selected.value ?? -1];
  const chosen = kind === "classification" ? label : (selected?.label ?? answer.current.value);
  const probs = answer.prediction.value?.probs;
  const predicted = answer.prediction.value?.label;
  const allowed = settings.rules.allowed_classes;
  const shown = classes
    .map((name, index) => ({ name, index }))
    .filter(({ name }) => !allowed || allowed.includes(name))
    .filter(({ name }) => name.toLowerCase().includes(filter.value.toLowerCase()));
  const title = kind === "classification" ? "Class" : selected ? "Class of the selected object" : "Class of the next object";

  const pickFirst = (event: KeyboardEvent & { currentTarget: HTMLInputElement }): void => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    if (event.key === "Enter" && shown[0]) choose(shown[0].index);
    filter.value = "";
    event.currentTarget.blur();
  };

  return (
    <fieldset class="classes">
      <legend>{title}</legend>
      {classes.length >= FILTER_FROM && (
        <input
          id="class-filter"
          type="search"
          placeholder="Type to find ( / )"
          aria-label="Find a class"
          value={filter.value}
          onInput={(event) => (filter.value = event.currentTarget.value)}
          onKeyDown={pickFirst}
        />
      )}
      <div class="choices">
        {shown.map(({ name, index }) => (
          <label key={index} class={chosen === index ? "choice chosen" : "choice"}>
            <input type="radio" name="class" checked={chosen === index} onChange={() => choose(index)} />
            {kind !== "classification" && <span class="swatch" style={{ background: colourOf(index) }} />}
            <span class="name">{name}</span>
            {predicted === index && (
              <span class="predicted" title="The model says so">
                ◆<span class="hidden-text">the model says so</span>
              </span>
            )}
            {probs && <span class="probability">{Math.round((probs[index] ?? 0) * 100)} %</span>}
            {classKey(index, classes) !== null && <kbd aria-hidden="true">{classKey(index, classes)}</kbd>}
          </label>
        ))}
      </div>
      {shown.length === 0 && <p class="faint">No class has this in its name.</p>}
    </fieldset>
  );
}
