/** The cases that wait for a reviewer. */
import { part, useParts } from "../parts/listing";
import { More } from "../parts/more";
import type { Project } from "../service/records";
import { complain } from "../store";
import type { Waiting } from "./case";
import { Decide } from "./decide";

const casesOf = ({ id }: Project): string => `/projects/${id}/reviews`;

export function Reviews({ project, task }: { project: Project; task: number | null }) {
  if (task === null) return <Cases project={project} />;
  const decided = async (): Promise<void> => {
    const { items } = await part<Waiting>(casesOf(project), 1, task);
    location.hash = `#/projects/${project.id}/review${items[0] ? `/${items[0].id}` : ""}`;
  };
  return <Decide key={task} project={project} task={task} decided={() => void decided().catch(complain)} />;
}

function Cases({ project }: { project: Project }) {
  const { rows: cases, more } = useParts<Waiting>(casesOf(project));
  const waiting = cases.value;
  if (!waiting) return <p class="empty">One moment …</p>;
  if (!waiting.length) return <p class="empty">No case waits for a decision.</p>;
  return (
    <div class="page">
      <h2>
        Waiting for a decision{" "}
        <span class="count">
          {waiting.length}
          {more && "+"}
        </span>
      </h2>
      <ul class="cards">
        {waiting.map(({ id, item, kind, reason }) => (
          <li key={id}>
            <a class="card" href={`#/projects/${project.id}/review/${id}`}>
              <strong>Item {item}</strong>
              <span class="faint">{kind === "label" ? reason : `${kind}: ${reason}`}</span>
            </a>
          </li>
        ))}
      </ul>
      <More more={more} />
    </div>
  );
}
