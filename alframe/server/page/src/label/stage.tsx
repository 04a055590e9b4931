/** The image, large: zoom with the wheel, drag with space or the middle button; shapes and masks lie on it. */
import { signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { colourOf } from "../colours";
import { complain } from "../store";
import type { Answer } from "./answer";
import { Brush } from "./brush";
import { panned, whole, zoomed, type View } from "./viewport";

/** What the keyboard does to the stage that is on the page. */
export interface Steering {
  zoom(factor: number): void;
  reset(): void;
  pan(dx: number, dy: number): void;
  /** The middle of what is seen, in pixels of the image, and how much of it is seen. */
  middle(): { x: number; y: number; width: number; height: number };
}

export const steering = signal<Steering | null>(null);

const PIXELATED_FROM = 3;

export function Stage({ answer, image }: { answer: Answer; image: Promise<string> }) {
  const stage = useRef<HTMLDivElement>(null);
  const picture = useRef<HTMLDivElement>(null);
  const view = useSignal<View>({ scale: 1, x: 0, y: 0 });
  const grabbed = useSignal(false);
  const failed = useSignal("");
  const { size, project } = answer;
  const draws = project.kind !== "classification";

  const room = () => ({ width: stage.current!.clientWidth, height: stage.current!.clientHeight });
  const centre = (): [number, number] => [room().width / 2, room().height / 2];

  useEffect(() => {
    const steer: Steering = {
      zoom: (factor) => (view.value = zoomed(view.value, factor, centre())),
      reset: () => (view.value = whole(size, room())),
      pan: (dx, dy) => (view.value = panned(view.value, dx, dy, size, room())),
      middle: () => seen(view.value, size, room()),
    };
    steering.value = steer;
    const watcher = new ResizeObserver(steer.reset);
    watcher.observe(stage.current!);
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const place = stage.current!.getBoundingClientRect();
      const at: [number, number] = [event.clientX - place.left, event.clientY - place.top];
      view.value = zoomed(view.value, Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), at);
    };
    stage.current!.addEventListener("wheel", onWheel, { passive: false });
    const element = stage.current!;
    return () => {
      watcher.disconnect();
      element.removeEventListener("wheel", onWheel);
      steering.value = null;
    };
  }, [answer]);

  useEffect(() => {
    let gone = false;
    let takeAway: () => void = () => undefined;
    const show = async (): Promise<void> => {
      const shown = new Image();
      shown.alt = `Item ${answer.lease.item}`;
      shown.draggable = false;
      shown.src = await image;
      await shown.decode();
      if (gone) return;
      picture.current!.replaceChildren(shown);
      if (!draws) return;
      const { drawShapes } = await import("./shapes");
      if (!gone) takeAway = drawShapes(shown, answer);
    };
    show().catch((error: unknown) => {
      if (gone) return;
      failed.value = "The image cannot be shown.";
      complain(error);
    });
    return () => {
      gone = true;
      takeAway();
    };
  }, [answer, image]);

  useSpace(grabbed);
  const onDown = (event: PointerEvent): void => {
    const pans = event.button === 1 || (event.button === 0 && (grabbed.value || (!draws && event.pointerType === "mouse")));
    if (!pans) return;
    event.preventDefault();
    event.stopPropagation();
    const move = (next: PointerEvent): void => steering.value?.pan(next.movementX, next.movementY);
    addEventListener("pointermove", move);
    addEventListener("pointerup", () => removeEventListener("pointermove", move), { once: true });
  };

  const classes = useComputed(() => `stage${grabbed.value ? " grab" : ""}${draws ? " draws" : ""}`);
  const sheet = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const { scale, x, y } = view.value;
    const { style, classList } = sheet.current!;
    style.width = `${size.width * scale}px`;
    style.height = `${size.height * scale}px`;
    style.transform = `translate(${x}px, ${y}px)`;
    classList.toggle("pixelated", scale >= PIXELATED_FROM);
  });
  return (
    <div
      ref={stage}
      class={classes}
      tabIndex={0}
      role="group"
      aria-label={`Image of item ${answer.lease.item}, ${size.width} by ${size.height} pixels`}
      onPointerDownCapture={onDown}
    >
      <div ref={sheet} class="sheet">
        <div ref={picture} class="picture" />
        {draws && <Brush answer={answer} view={view} />}
        {draws && <Tags answer={answer} />}
      </div>
      {failed.value && <p class="empty">{failed.value}</p>}
    </div>
  );
}

/** Boxes that begin so far up have their name inside. */
const NEAR_TOP = 0.03;

/** The name of each object's class, at its top left corner. */
function Tags({ answer }: { answer: Answer }) {
  const { size, project } = answer;
  return (
    <div class="tags" aria-hidden="true">
      {answer.things.value.map(({ box, label }, i) => (
        <span
          key={i}
          class={`tag${answer.selected.value === i ? " selected" : ""}${box[1] < size.height * NEAR_TOP ? " inside" : ""}`}
          style={{ left: `${(box[0] / size.width) * 100}%`, top: `${(box[1] / size.height) * 100}%`, background: colourOf(label) }}
        >
          {project.classes[label]}
        </span>
      ))}
    </div>
  );
}

function seen(view: View, size: { width: number; height: number }, room: { width: number; height: number }) {
  const edge = (offset: number, length: number, most: number): [number, number] => [
    Math.max(0, -offset / view.scale),
    Math.min(most, (length - offset) / view.scale),
  ];
  const [left, right] = edge(view.x, room.width, size.width);
  const [top, bottom] = edge(view.y, room.height, size.height);
  return { x: (left + right) / 2, y: (top + bottom) / 2, width: right - left, height: bottom - top };
}

/** Whether space is held down, outside of text and buttons. */
function useSpace(grabbed: { value: boolean }): void {
  useEffect(() => {
    const down = (event: KeyboardEvent): void => {
      if (event.key !== " " || (event.target as Element).closest("input, textarea, select, button, a, summary, dialog")) return;
      event.preventDefault();
      grabbed.value = true;
    };
    const up = (event: KeyboardEvent): void => {
      if (event.key === " ") grabbed.value = false;
    };
    addEventListener("keydown", down);
    addEventListener("keyup", up);
    return () => {
      removeEventListener("keydown", down);
      removeEventListener("keyup", up);
    };
  }, []);
}
