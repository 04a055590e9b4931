/** One project: its parts, of which each role sees its own. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { Labeller } from "./label/labeller";
import { Gold } from "./manage/gold";
import { Members } from "./manage/members";
import { Overview } from "./manage/overview";
import { Settings } from "./manage/settings";
import { Webhooks } from "./manage/webhooks";
import { Reviews } from "./review/reviews";
import { get } from "./service/client";
import type { Project, Role } from "./service/records";
import { complain } from "./store";

const RANK: Record<Role, number> = { viewer: 0, annotator: 1, reviewer: 2, manager: 3 };

const PARTS: { name: string; title: string; role: Role }[] = [
  { name: "label", title: "Label", role: "annotator" },
  { name: "review", title: "Review", role: "reviewer" },
  { name: "overview", title: "Overview", role: "manager" },
  { name: "settings", title: "Settings", role: "manager" },
  { name: "members", title: "Members", role: "manager" },
  { name: "gold", title: "Gold", role: "manager" },
  { name: "webhooks", title: "Webhooks", role: "manager" },
];

/** Where somebody with this role begins. */
export const firstPart = (role: Role): string => (RANK[role] >= RANK.annotator ? "label" : "guidelines");

export function InProject({ id, part, rest }: { id: number; part: string; rest: string[] }) {
  const project = useSignal<Project | null | undefined>(undefined);
  useEffect(() => {
    get<Project>(`/projects/${id}`).then(
      (found) => (project.value = found),
      (error: unknown) => {
        project.value = null;
        complain(error);
      },
    );
  }, [id]);
  const here = project.value;
  if (!here) return <p class="empty">{here === null ? "This project cannot be shown." : "One moment …"}</p>;
  const open = PARTS.filter(({ role }) => RANK[here.role] >= RANK[role]);
  return (
    <>
      <div class="project">
        <h1>{here.name}</h1>
        <nav aria-label="Project" class="parts">
          {open.map(({ name, title }) => (
            <a key={name} href={`#/projects/${id}/${name}`} aria-current={part === name ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
      </div>
      <Part name={open.some(({ name }) => name === part) ? part : ""} project={here} rest={rest} changed={(next) => (project.value = next)} />
    </>
  );
}

interface PartProps {
  name: string;
  project: Project;
  rest: string[];
  changed: (project: Project) => void;
}

function Part({ name, project, rest, changed }: PartProps) {
  switch (name) {
    case "label":
      return <Labeller project={project} />;
    case "review":
      return <Reviews project={project} task={rest[0] ? Number(rest[0]) : null} />;
    case "overview":
      return <Overview project={project} changed={changed} />;
    case "settings":
      return <Settings project={project} changed={changed} />;
    case "members":
      return <Members project={project} />;
    case "gold":
      return <Gold project={project} />;
    case "webhooks":
      return <Webhooks project={project} />;
    default:
      return <p class="empty">You can see this project, and no more.</p>;
  }
}
