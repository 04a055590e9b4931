/** The objects of the image, as a list that the keyboard and screen readers can walk. */
import { colourOf } from "../colours";
import type { Answer } from "./answer";

export function Objects({ answer }: { answer: Answer }) {
  const things = answer.things.value;
  return (
    <section class="objects" aria-label="Objects">
      <h2>
        Objects <span class="count">{things.length}</span>
      </h2>
      {things.length === 0 && <p class="faint">None yet. Drag on the image, or press N. Sending none says that there is none.</p>}
      <ul>
        {things.map(({ label, box, mask, score }, i) => {
          const name = answer.project.classes[label] ?? "?";
          return (
            <li key={i} class={answer.selected.value === i ? "selected" : ""}>
              <button
                class="plain"
                aria-pressed={answer.selected.value === i}
                onClick={() => answer.select(answer.selected.value === i ? null : i)}
              >
                <span class="swatch" style={{ background: colourOf(label) }} />
                <span class="name">{name}</span>
                <span class="faint">
                  {mask ? ("rings" in mask ? "polygon" : "mask") : "box"} {Math.round(box[2] - box[0])} × {Math.round(box[3] - box[1])}
                  {score !== null && `, model ${Math.round(score * 100)} %`}
                </span>
              </button>
              <button class="plain delete" aria-label={`Delete ${name}, object ${i + 1}`} onClick={() => answer.setThing(i, null)}>
                ×
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
