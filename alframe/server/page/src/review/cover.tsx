/** What nobody is to see of an image: a face, a name. */
import { useSubmission } from "../access/sign_in";
import { call } from "../service/client";
import type { Project } from "../service/records";
import { note } from "../store";

interface Props {
  project: Project;
  item: number;
  covered: () => void;
}

export function Cover({ project, item, covered }: Props) {
  const { busy, onSubmit } = useSubmission(async (form) => {
    const lines = String(form.get("boxes")).split("\n").filter((line) => line.trim());
    const boxes = lines.map((line) => line.trim().split(/[\s,]+/).map(Number));
    await call("PUT", `/projects/${project.id}/items/${item}/masks`, { body: { boxes } });
    note(boxes.length ? `Item ${item} is covered there.` : `Nothing of item ${item} is covered.`);
    covered();
  });
  return (
    <details>
      <summary>Cover parts of this image</summary>
      <form onSubmit={onSubmit}>
        <label class="field">
          Boxes, one a line: left, top, right, bottom, in pixels; they replace those before
          <textarea name="boxes" class="code" rows={3} spellcheck={false} placeholder="10 20 60 80" />
        </label>
        <button disabled={busy.value}>Cover</button>
      </form>
    </details>
  );
}
