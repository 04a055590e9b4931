/** The projects somebody has a role in; administrators make new ones. */
import { useSubmission } from "../access/sign_in";
import { firstPart } from "../in_project";
import { call } from "../service/client";
import type { Project } from "../service/records";
import { learnWhoIAm, me } from "../store";

export function Projects() {
  const who = me.value!;
  return (
    <div class="page">
      <h1>Projects</h1>
      {who.projects.length === 0 && <p class="faint">You have no role in any project yet. A manager gives you one.</p>}
      <ul class="cards">
        {who.projects.map(({ id, name, kind, role }) => (
          <li key={id}>
            <a class="card" href={`#/projects/${id}/${firstPart(role)}`}>
              <strong>{name}</strong>
              <span class="faint">
                {kind}, you are {role}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {who.admin && <NewProject />}
    </div>
  );
}

function NewProject() {
  const { busy, onSubmit } = useSubmission(async (form) => {
    const classes = String(form.get("classes")).split("\n").map((name) => name.trim()).filter(Boolean);
    const body = { name: form.get("name"), kind: form.get("kind"), classes, guidelines: form.get("guidelines") };
    const project = await call<Project>("POST", "/projects", { body });
    await learnWhoIAm();
    location.hash = `#/projects/${project.id}/settings`;
  });
  return (
    <details class="card">
      <summary>New project</summary>
      <form onSubmit={onSubmit}>
        <label class="field">
          Name
          <input name="name" required maxLength={200} />
        </label>
        <label class="field">
          What annotators give
          <select name="kind">
            <option value="classification">a class (classification)</option>
            <option value="detection">boxes (detection)</option>
            <option value="segmentation">masks (segmentation)</option>
          </select>
        </label>
        <label class="field">
          Classes, one a line
          <textarea name="classes" rows={4} required />
        </label>
        <label class="field">
          Guidelines (Markdown)
          <textarea name="guidelines" rows={4} />
        </label>
        <button class="primary" disabled={busy.value}>
          Create
        </button>
      </form>
    </details>
  );
}
