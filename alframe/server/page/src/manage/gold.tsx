/** Gold items: their label is certain, and they are mixed in among the others. */
import { useSignal } from "@preact/signals";

import { useSubmission } from "../access/sign_in";
import { part, useParts } from "../parts/listing";
import { More } from "../parts/more";
import { Picture } from "../parts/picture";
import { inWords } from "../review/case";
import { call } from "../service/client";
import type { Label, Project } from "../service/records";
import { complain } from "../store";

interface GoldItem {
  item: number;
  sample_id: string;
  label: Label;
  note: string;
  retired: boolean;
}

interface Item {
  id: number;
  sample_id: string;
}

const SUGGESTED = 50;

export function Gold({ project }: { project: Project }) {
  const path = `/projects/${project.id}/gold`;
  const { rows: gold, again, more } = useParts<GoldItem>(path);
  const settled = useSignal<Item[] | null>(null);
  const suggest = async (): Promise<void> => {
    settled.value ??= (await part<Item>(`/projects/${project.id}/items?state=settled`, SUGGESTED)).items;
  };
  const { busy, onSubmit } = useSubmission(async (form) => {
    const given = String(form.get("label"));
    const label: unknown = project.kind === "classification" ? Number(given) : JSON.parse(given);
    await call("POST", path, { body: { item: Number(form.get("item")), label, note: form.get("note") } });
    again();
  });
  const retire = (item: number): void => void call("DELETE", `${path}/${item}`).catch(complain).finally(again);
  return (
    <div class="page">
      <h2>Gold items</h2>
      <p class="faint">
        Items whose label is certain. {Math.round(100 * Number(project.settings.gold_share))} % of what is given out are gold (Settings);
        nobody can tell them from others, and nobody gets one twice.
      </p>
      <ul class="rows">
        {gold.value?.map(({ item, sample_id, label, note, retired }) => (
          <li key={item}>
            <span class="thumb">
              <Picture path={`/items/${item}/image`} alt={`Item ${item}`} />
            </span>
            <span class="name">
              {inWords(label, "", project.classes)}{" "}
              <span class="faint">
                item {item}, {sample_id} {note && `: ${note}`}
              </span>
            </span>
            {retired ? <span class="faint">retired</span> : <button onClick={() => retire(item)}>Retire</button>}
          </li>
        ))}
      </ul>
      <More more={more} />
      <form class="card" onSubmit={onSubmit}>
        <h2>Make an item gold</h2>
        <label class="field">
          Item
          <input name="item" type="number" min="1" required list="settled-items" onFocus={() => void suggest().catch(complain)} />
          <datalist id="settled-items">
            {settled.value?.map(({ id, sample_id }) => (
              <option key={id} value={id}>
                {sample_id}
              </option>
            ))}
          </datalist>
        </label>
        <label class="field">
          {project.kind === "classification" ? "Class" : "Label, as JSON: {\"objects\": [...]}"}
          {project.kind === "classification" ? (
            <select name="label">
              {project.classes.map((name, i) => (
                <option key={i} value={i}>
                  {name}
                </option>
              ))}
            </select>
          ) : (
            <textarea name="label" class="code" rows={4} required />
          )}
        </label>
        <label class="field">
          Note
          <input name="note" maxLength={1000} />
        </label>
        <button class="primary" disabled={busy.value}>
          Add
        </button>
      </form>
    </div>
  );
}
