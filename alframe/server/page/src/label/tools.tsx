/** The tools above the image, with their keys. */
import { diameterOf } from "./brush";
import { carryOut, toolsOf, widest, type Doing } from "./doing";
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
  const zoom = (name: Plain, text: string, key: string) => (
    <button title={text} onClick={() => carryOut({ name }, doing)}>
      <span class="hidden-text">{text}</span> <kbd>{key}</kbd>
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
          <span class="hidden-text">Width of the brush, [ and ]</span>
          <input
            type="range"
            min="1"
            max={widest(answer)}
            value={diameterOf(answer).value}
            onInput={(event) => (diameterOf(answer).value = event.currentTarget.valueAsNumber)}
          />
        </label>
      )}
      {button("new", "New", "N")}
      {button("undo", "Undo", "Ctrl Z", past.length === 0)}
      {button("redo", "Redo", "Ctrl Y", future.length === 0)}
      {zoom("zoom-in", "Zoom in", "+")}
      {zoom("zoom-out", "Zoom out", "-")}
      {zoom("zoom-reset", "Whole image", "Home")}
    </div>
  );
}
