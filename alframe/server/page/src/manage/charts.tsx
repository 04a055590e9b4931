/** Small pictures of numbers, as SVG; beside each stand the numbers themselves. */
import { everyDay, type Day, type Pair } from "./statistics";

const WIDTH = 640;
const HEIGHT = 180;
const FOOT = 22;
const WIDEST = 56; // of a bar

/** Answers of each day as bars, settled items as a line over them; a single day in words. */
export function PerDay({ days: busy }: { days: Day[] }) {
  const days = everyDay(busy);
  const [first, last] = [days[0], days.at(-1)];
  if (!first || !last) return <p class="faint">Nothing has been answered yet.</p>;
  if (first === last) {
    return (
      <p>
        <strong>{last.answers}</strong> answers and <strong>{last.settled}</strong> settled on {last.day}, the first day.
      </p>
    );
  }
  const most = Math.max(1, ...days.flatMap(({ answers, settled }) => [answers, settled]));
  const step = WIDTH / days.length;
  const bar = Math.min(WIDEST, step * 0.7);
  const y = (value: number) => 14 + (HEIGHT - 14 - FOOT) * (1 - value / most);
  const middle = (i: number) => (i + 0.5) * step;
  const said = `Answers per day, up to ${most}; on ${last.day} ${last.answers} answers and ${last.settled} settled`;
  return (
    <figure>
      <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={said}>
        <text class="axis" x="0" y="10">
          {most}
        </text>
        <line class="rule" x1="0" x2={WIDTH} y1={y(0)} y2={y(0)} />
        {days.map(({ day, answers }, i) => (
          <rect key={day} class="bar" x={middle(i) - bar / 2} width={bar} y={y(answers)} height={y(0) - y(answers)}>
            <title>{`${day}: ${answers} answers`}</title>
          </rect>
        ))}
        <polyline class="trend" points={days.map(({ settled }, i) => `${middle(i)},${y(settled)}`).join(" ")} />
        {days.map(({ day, settled }, i) => (
          <circle key={day} class="dot" cx={middle(i)} cy={y(settled)} r="3.5">
            <title>{`${day}: ${settled} settled`}</title>
          </circle>
        ))}
        <text class="axis" x="0" y={HEIGHT - 4}>
          {first.day}
        </text>
        <text class="axis" x={WIDTH} y={HEIGHT - 4} text-anchor="end">
          {last.day}
        </text>
      </svg>
      <figcaption class="faint">
        <span class="key bar" /> answers <span class="key trend" /> settled
      </figcaption>
    </figure>
  );
}

/** How far each pair of people agrees: the darker, the more. */
export function HeatMap({ pairs, names }: { pairs: Pair[]; names: Map<number, string> }) {
  if (!pairs.length) return <p class="faint">No two people have answered the same item yet.</p>;
  const people = [...new Set(pairs.flatMap(({ first, second }) => [first, second]))].sort((a, b) => a - b);
  const name = (id: number) => names.get(id) ?? `user ${id}`;
  const of = (a: number, b: number) => pairs.find(({ first, second }) => (first === a && second === b) || (first === b && second === a));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Agreement of pairs">
      <table class="heat">
        <thead>
          <tr>
            <td />
            {people.map((id) => (
              <th key={id} scope="col">
                {name(id)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {people.map((row) => (
            <tr key={row}>
              <th scope="row">{name(row)}</th>
              {people.map((column) => {
                const pair = of(row, column);
                return row === column || !pair ? <td key={column} /> : <Cell key={column} pair={pair} />;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ pair: { value, shared } }: { pair: Pair }) {
  const depth = value === null ? 0 : Math.max(0, Math.min(1, value));
  return (
    <td style={{ background: `hsl(212 70% ${95 - 33 * depth}%)` }} title={`${shared} items`}>
      {value === null ? "–" : value.toFixed(2)}
    </td>
  );
}

/** A share as a bar, with its number beside it. */
export function Share({ value }: { value: number | null }) {
  if (value === null) return <span class="faint">–</span>;
  return (
    <span class="share">
      <meter min="0" max="1" value={Math.max(0, value)} aria-hidden="true" /> {value.toFixed(2)}
    </span>
  );
}
