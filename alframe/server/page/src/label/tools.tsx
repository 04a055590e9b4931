/** The tools above the image, with their keys. */
import { diameter } from "./brush";
import { carryOut, toolsOf, type Doing } from "./doing";
import type { Plain } from "./keys";

const NAMES = { box: ["Box", "B"], polygon: ["Polygon", "G"], brush: ["Brush", "M"], eraser: ["Eraser", "E"] } as const;

export function Tools({ doing }: { doing: Doing }) {
  const { answer } = doing;
  const { past, future } = answer.said.value;
  const tools = toolsOf(answer);
  const button = (name: Plain, text: string, key: string, disabled = false) => (
    <button disabled={disabled} onClick={() => carryOut({ name }, doing)}>
      {text} <kbd>{key}</kbd>
    </button>
  );
  return (
    <div class="tools" role="toolbar" aria-label="Tools">
      {tools.length > 1 &&
        tools.map((tool) => (
          <button key={tool} aria-pressed={answer.tool.value === tool} onClick={() => carryOut({ name: tool }, doing)}>
            {NAMES[tool][0]} <kbd>{NAMES[tool][1]}</kbd>
          </button>
        ))}
      {tools.includes("brush") && (
        <label class="width">
          Brush
          <input
            type="range"
            min="1"
            max={Math.max(2, Math.round(Math.max(answer.size.width, answer.size.height) / 2))}
            value={diameter.value}
            onInput={(event) => (diameter.value = event.currentTarget.valueAsNumber)}
          />
        </label>
      )}
      {button("new", "New", "N")}
      {button("undo", "Undo", "Ctrl Z", past.length === 0)}
      {button("redo", "Redo", "Shift Ctrl Z", future.length === 0)}
      {button("zoom-in", "Zoom in", "+")}
      {button("zoom-out", "Out", "-")}
      {button("zoom-reset", "Whole", "Home")}
    </div>
  );
}
