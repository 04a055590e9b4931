/** How a project works: guidelines, and all its settings. */
import { useSignal } from "@preact/signals";

import { useSubmission } from "../access/sign_in";
import { Markdown } from "../parts/markdown";
import { call } from "../service/client";
import type { Project, Settings as All } from "../service/records";
import { note } from "../store";

/** Settings that have a field of their own; the rest is under "All settings". */
const NUMBERS = [
  ["overlap", "People who label each item", "1"],
  ["max_overlap", "People at most, where they disagree", "1"],
  ["agreement", "Least agreement with which a label stands", "0.01"],
  ["gold_share", "Share of gold among what is given out", "0.01"],
  ["review_share", "Share that a reviewer sees too", "0.01"],
  ["lease_seconds", "Seconds that an item is somebody's without a sign of life", "1"],
  ["cost", "Cost of one answer", "0.01"],
] as const;

const PREFILL = { never: "never", request: "on request", always: "always, to be corrected" };

export function Settings({ project, changed }: { project: Project; changed: (project: Project) => void }) {
  const guidelines = useSignal(project.guidelines);
  const save = async (change: object): Promise<void> => {
    changed(await call<Project>("PATCH", `/projects/${project.id}`, { body: { version: project.version, ...change } }));
    note("Saved.");
  };
  const text = useSubmission(() => save({ guidelines: guidelines.value }));
  const some = useSubmission((form) => {
    const numbers = NUMBERS.map(([name]) => [name, Number(form.get(name))]);
    return save({ settings: { ...project.settings, ...Object.fromEntries(numbers), prefill: form.get("prefill") } });
  });
  const every = useSubmission((form) => save({ settings: JSON.parse(String(form.get("settings"))) as All }));
  return (
    <div class="page wide" key={project.version}>
      <h2>Settings</h2>
      <form class="card columns" onSubmit={text.onSubmit}>
        <div>
          <label class="field">
            Guidelines (Markdown)
            <textarea rows={10} value={guidelines.value} onInput={(event) => (guidelines.value = event.currentTarget.value)} />
          </label>
          <button class="primary" disabled={text.busy.value}>
            Save the guidelines
          </button>
        </div>
        <section aria-label="How annotators see them">
          <Markdown source={guidelines.value} />
        </section>
      </form>
      <form class="card" onSubmit={some.onSubmit}>
        <div class="grid">
          {NUMBERS.map(([name, title, step]) => (
            <label key={name} class="field">
              {title}
              <input name={name} type="number" min="0" step={step} required defaultValue={String(project.settings[name])} />
            </label>
          ))}
          <label class="field">
            The model's prediction is shown
            <select name="prefill">
              {Object.entries(PREFILL).map(([value, title]) => (
                <option key={value} value={value} selected={project.settings.prefill === value}>
                  {title}
                </option>
              ))}
            </select>
          </label>
        </div>
        <button class="primary" disabled={some.busy.value}>
          Save
        </button>
      </form>
      <details class="card">
        <summary>All settings</summary>
        <form onSubmit={every.onSubmit}>
          <label class="field">
            As JSON; the server says what it does not take
            <textarea name="settings" class="code" rows={16} spellcheck={false} defaultValue={JSON.stringify(project.settings, null, 2)} />
          </label>
          <button class="primary" disabled={every.busy.value}>
            Save all
          </button>
        </form>
      </details>
    </div>
  );
}
