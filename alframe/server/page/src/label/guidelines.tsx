/** What the project's manager wants annotators to know, with images that show it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { Markdown } from "../parts/markdown";
import { Picture } from "../parts/picture";
import { get } from "../service/client";
import type { Project } from "../service/records";

interface Example {
  class: string;
  item: number;
}

export function Guidelines({ project }: { project: Project }) {
  const examples = useSignal<Example[]>([]);
  useEffect(() => {
    // Examples help, and labelling goes on without them.
    get<Example[]>(`/projects/${project.id}/examples`).then((found) => (examples.value = found), () => undefined);
  }, [project]);
  if (!project.guidelines && !examples.value.length) return null;
  return (
    <details class="guidelines" open>
      <summary>Guidelines</summary>
      <Markdown source={project.guidelines} />
      {examples.value.length > 0 && (
        <ul class="examples">
          {examples.value.map((example) => (
            <li key={example.item}>
              <Picture path={`/items/${example.item}/image`} alt={`Example of ${example.class}`} />
              <span>{example.class}</span>
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}
