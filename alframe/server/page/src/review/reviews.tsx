/** The cases that wait for a reviewer. */
import { useFetched, all } from "../parts/listing";
import type { Project } from "../service/records";
import type { Waiting } from "./case";
import { Decide } from "./decide";

export function Reviews({ project, task }: { project: Project; task: number | null }) {
  const { value: cases, again } = useFetched(() => all<Waiting>(`/projects/${project.id}/reviews`), [project.id, task]);
  const waiting = cases.value;
  if (task !== null) {
    const next = waiting?.find(({ id }) => id !== task)?.id ?? null;
    const decided = (): void => {
      location.hash = `#/projects/${project.id}/review${next ? `/${next}` : ""}`;
      again();
    };
    return <Decide key={task} project={project} task={task} decided={decided} />;
  }
  if (!waiting) return <p class="empty">One moment …</p>;
  if (!waiting.length) return <p class="empty">No case waits for a decision.</p>;
  return (
    <div class="page">
      <h2>
        Waiting for a decision <span class="count">{waiting.length}</span>
      </h2>
      <ul class="cards">
        {waiting.map(({ id, item, kind, reason }) => (
          <li key={id}>
            <a class="card" href={`#/projects/${project.id}/review/${id}`}>
              <strong>Item {item}</strong>
              <span class="faint">
                {kind === "label" ? reason : `${kind}: ${reason}`}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
