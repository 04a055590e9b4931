/** Who outside hears of what happens in a project. */
import { useSignal } from "@preact/signals";

import { useSubmission } from "../access/sign_in";
import { all, useFetched } from "../parts/listing";
import { call } from "../service/client";
import type { Project } from "../service/records";
import { complain } from "../store";

interface Webhook {
  id: number;
  url: string;
  events: string[];
  secret?: string;
}

const EVENTS = ["batch.completed", "cycle.finished", "model.promoted", "drift.detected"];

export function Webhooks({ project }: { project: Project }) {
  const path = `/projects/${project.id}/webhooks`;
  const { value: webhooks, again } = useFetched(() => all<Webhook>(path), [project.id]);
  const made = useSignal<Webhook | null>(null);
  const { busy, onSubmit } = useSubmission(async (form) => {
    made.value = await call<Webhook>("POST", path, { body: { url: form.get("url"), events: form.getAll("events") } });
    again();
  });
  const remove = (id: number): void => void call("DELETE", `${path}/${id}`).catch(complain).finally(again);
  return (
    <div class="page">
      <h2>Webhooks</h2>
      {made.value?.secret && (
        <p class="banner" role="status">
          What is sent to {made.value.url} is signed with <code>{made.value.secret}</code> It is not shown again.
        </p>
      )}
      <ul class="rows">
        {webhooks.value?.map(({ id, url, events }) => (
          <li key={id}>
            <span class="name">
              {url} <span class="faint">{events.join(", ")}</span>
            </span>
            <button onClick={() => remove(id)}>
              Remove <span class="hidden-text">{url}</span>
            </button>
          </li>
        ))}
      </ul>
      <form class="card" onSubmit={onSubmit}>
        <h2>Tell somebody</h2>
        <label class="field">
          Address
          <input name="url" type="url" required placeholder="https://…" />
        </label>
        <fieldset>
          <legend>Of</legend>
          {EVENTS.map((event) => (
            <label key={event} class="check">
              <input type="checkbox" name="events" value={event} defaultChecked /> {event}
            </label>
          ))}
        </fieldset>
        <button class="primary" disabled={busy.value}>
          Add
        </button>
      </form>
    </div>
  );
}
