/** The answer that is being given: what it says, what is selected, and which tool is in hand. */
import { batch, computed, signal } from "@preact/signals";

import { call } from "../service/client";
import type { Label, Lease, Prediction, Project, Thing } from "../service/records";
import type { Draft } from "./drafts";
import { begun, pushed, redone, undone } from "./history";
import type { Size } from "./things";

export type Tool = "box" | "polygon" | "brush" | "eraser";

const toolFor = { classification: "box", detection: "box", segmentation: "polygon" } as const;

export class Answer {
  readonly said;
  readonly rationale;
  readonly predictionShown;
  readonly prediction = signal<Prediction | null>(null);
  readonly selected = signal<number | null>(null);
  readonly corner = signal<number | null>(null);
  readonly tool;
  /** The class of the next object. */
  readonly current = signal(0);
  readonly size: Size;
  readonly things = computed<Thing[]>(() => {
    const label = this.label.value;
    return typeof label === "object" ? label.objects : [];
  });
  readonly label;
  private shown = performance.now();
  private seen = 0;

  constructor(
    readonly project: Project,
    readonly lease: Lease,
    draft: Draft | null,
    private readonly keep: (draft: Draft) => void,
  ) {
    const empty: Label | undefined = project.kind === "classification" ? undefined : { objects: [] };
    this.said = signal(begun<Label | undefined>(draft?.label ?? lease.prefill ?? empty));
    this.label = computed(() => this.said.value.present);
    this.rationale = signal(draft?.rationale ?? "");
    this.predictionShown = signal(draft?.predictionShown ?? lease.prefill !== null);
    this.tool = signal<Tool>(toolFor[project.kind]);
    this.size = { width: lease.width, height: lease.height };
  }

  say(label: Label): void {
    this.said.value = pushed(this.said.value, label);
    this.save();
  }

  setThings(objects: Thing[]): void {
    this.say({ objects });
  }

  setThing(index: number, thing: Thing | null): void {
    const rest = this.things.value.flatMap((each, i) => (i !== index ? each : (thing ?? [])));
    batch(() => {
      this.setThings(rest);
      if (!thing) this.select(null);
    });
  }

  addThing(thing: Thing): void {
    batch(() => {
      this.setThings([...this.things.value, thing]);
      this.select(this.things.value.length - 1);
    });
  }

  select(index: number | null): void {
    batch(() => {
      this.selected.value = index;
      this.corner.value = null;
    });
  }

  /** A class was chosen: of the image, of the selected object, or of the next one. */
  chooseClass(index: number): void {
    if (this.project.kind === "classification") return this.say(index);
    this.current.value = index;
    const at = this.selected.value;
    const thing = at === null ? undefined : this.things.value[at];
    if (at !== null && thing) this.setThing(at, { ...thing, label: index, score: null });
  }

  undo(): void {
    this.step(undone(this.said.value));
  }

  redo(): void {
    this.step(redone(this.said.value));
  }

  private step(history: typeof this.said.value): void {
    batch(() => {
      this.said.value = history;
      if ((this.selected.value ?? 0) >= this.things.value.length) this.select(null);
    });
    this.save();
  }

  write(rationale: string): void {
    this.rationale.value = rationale;
    this.save();
  }

  /** Ask for the model's prediction; what nobody has touched yet begins as it. */
  async askPrediction(): Promise<void> {
    if (this.prediction.value) return;
    const found = await call<Prediction>("GET", `/assignments/${this.lease.assignment}/prediction`);
    batch(() => {
      this.prediction.value = found;
      this.predictionShown.value = true;
      const untouched = this.label.value === undefined || (typeof this.label.value === "object" && !this.things.value.length);
      if (untouched && found.label !== null) this.say(found.label);
      else this.save();
    });
  }

  private save(): void {
    const label = this.label.value;
    this.keep({
      ...(label === undefined ? {} : { label }),
      rationale: this.rationale.value,
      predictionShown: this.predictionShown.value,
      saved: Date.now(),
    });
  }

  /** Count time only while the page is seen. */
  visible(now: boolean): void {
    if (now) this.shown = performance.now();
    else this.seen += performance.now() - this.shown;
  }

  /** The body of its submission; `label` is null where somebody cannot tell, and `reason` says why. */
  body(label: Label | null, reason: string): object {
    const seconds = (this.seen + (document.hidden ? 0 : performance.now() - this.shown)) / 1000;
    return {
      fence: this.lease.fence,
      label: typeof label === "object" && label ? { objects: label.objects.map(unscored) } : label,
      reason,
      rationale: this.rationale.value,
      prediction_shown: this.predictionShown.value,
      seconds: Math.round(seconds * 1000) / 1000,
    };
  }

  /** Why it cannot be sent yet; `null` where it can. The server checks everything again. */
  missing(): string | null {
    const { classes, settings } = this.project;
    const label = this.label.value;
    if (label === undefined) return "Choose a class first.";
    const given = typeof label === "number" ? [label] : label.objects.map((thing) => thing.label);
    const unexplained = given.map((index) => classes[index] ?? "").find((name) => settings.rules.needs_rationale.includes(name));
    if (unexplained !== undefined && !this.rationale.value.trim()) return `Say why it is ${unexplained} (R).`;
    return null;
  }
}

/** What somebody has looked at and sent is theirs, and not the model's any more. */
const unscored = (thing: Thing): Thing => ({ ...thing, score: null });
