/** How far a project is: progress, backlog, agreement, people, cost. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

import { useFetched } from "../parts/listing";
import { call, get } from "../service/client";
import type { Project } from "../service/records";
import { complain } from "../store";
import { HeatMap, PerDay, Share } from "./charts";
import type { Statistics } from "./statistics";

const REFRESH = 60_000; // counting a large project takes the server a second or two

export function Overview({ project, changed }: { project: Project; changed: (project: Project) => void }) {
  const { value, again } = useFetched(() => get<Statistics>(`/projects/${project.id}/statistics`), [project.id]);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || again(), REFRESH);
    return () => clearInterval(timer);
  }, [project.id]);
  const pause = async (): Promise<void> => {
    try {
      const body = { version: project.version, paused: !project.paused };
      changed(await call<Project>("PATCH", `/projects/${project.id}`, { body }));
    } catch (error) {
      complain(error);
    }
  };
  const found = value.value;
  if (!found) return <p class="empty">Counting …</p>;
  const { tasks, agreement } = found;
  const wanted = tasks.open + tasks.complete + tasks.review + tasks.settled;
  const names = new Map(found.annotators.map(({ id, name }) => [id, name]));
  return (
    <div class="page wide">
      <div class="bar-row">
        <h2>Overview</h2>
        <span>
          <button onClick={again}>Count again</button> <button onClick={() => void pause()}>{project.paused ? "Go on" : "Pause"}</button>
        </span>
      </div>
      {project.paused && <p class="banner">The project is paused: nothing is given out.</p>}
      <dl class="numbers">
        <Number name="settled" value={`${tasks.settled} of ${wanted}`} />
        <Number name="waiting for answers" value={found.backlog} />
        <Number name="in review" value={tasks.review} />
        <Number name="answers" value={found.answers} />
        <Number name="cost so far" value={found.cost.toFixed(2)} />
        <Number name={`agreement (${agreement.measure})`} value={agreement.value === null ? "–" : agreement.value.toFixed(2)} />
      </dl>
      <progress class="progress" max={Math.max(1, wanted)} value={tasks.settled} aria-label="Settled" />
      <div class="halves">
        <div>
          <Panel title="Per day">
            <PerDay days={found.per_day} />
          </Panel>
          <Panel title="Annotators">
            <Annotators found={found} />
          </Panel>
          {found.groups.length > 1 && (
            <Panel title="Groups">
              <Groups found={found} />
            </Panel>
          )}
        </div>
        <div>
          <Panel title="Agreement of pairs">
            <HeatMap pairs={agreement.pairs} names={names} />
          </Panel>
          <Panel title="Classes">
            <Classes found={found} />
          </Panel>
        </div>
      </div>
    </div>
  );
}

function Groups({ found }: { found: Statistics }) {
  return (
    <Table
      label="Groups"
      head={["Group", "Items", "Asked about", "Labelled", "Agreement"]}
      rows={found.groups.map(({ group, items, queried, labelled, agreement }) => [
        group || "(none)",
        items,
        <Share value={queried} />,
        <Share value={labelled} />,
        <Share value={agreement} />,
      ])}
    />
  );
}

function Annotators({ found }: { found: Statistics }) {
  return (
    <Table
      label="Annotators"
      head={["Name", "Answers", "Seconds each", "Gold right", "Skill", "Verdict"]}
      rows={found.annotators.map(({ name, answers, seconds, gold_asked, gold_right, skill, verdict }) => [
        name,
        answers,
        seconds === null ? "–" : seconds.toFixed(1),
        gold_asked ? `${gold_right} of ${gold_asked}` : "–",
        <Share value={skill} />,
        verdict === null ? "–" : <span class={verdict === "good" ? "verdict" : "verdict bad"}>{verdict}</span>,
      ])}
    />
  );
}

const SCALES: Record<Statistics["agreement"]["measure"], string> = {
  alpha: "1.00 is full agreement, 0.00 what chance gives; a class given once and contradicted comes to 0.00.",
  iou: "1.00 is full overlap, 0.00 none.",
};

function Classes({ found }: { found: Statistics }) {
  const agreement = new Map(found.agreement.per_class.map((line) => [line.class, line.value]));
  return (
    <>
      <Table
        label="Classes"
        head={["Class", "Settled", "Agreement"]}
        rows={found.classes.map((line) => [line.class, line.settled, <Share value={agreement.get(line.class) ?? null} />])}
      />
      <p class="faint">{SCALES[found.agreement.measure]} A dash: no two answers to compare.</p>
    </>
  );
}

function Number({ name, value }: { name: string; value: string | number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Panel({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="card" aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

/** A table that scrolls by itself where the screen is narrow; the first of a row names it. */
function Table({ label, head, rows }: { label: string; head: string[]; rows: ComponentChildren[][] }) {
  if (!rows.length) return <p class="faint">Nobody yet.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...rest], i) => (
            <tr key={i}>
              <th scope="row">{first}</th>
              {rest.map((cell, k) => (
                <td key={k}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
