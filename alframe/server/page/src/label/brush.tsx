/** Masks: painted and erased with a round brush on a canvas of the image's own pixels. */
import { useSignal, useSignalEffect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useRef } from "preact/hooks";

import type { Thing } from "../service/records";
import type { Answer } from "./answer";
import { tint } from "./fixed";
import { blank, stroke, type Bitmap } from "./masks";
import { bitmapOf, boxed, painted, ringOf, thingAt, type Size } from "./things";
import type { View } from "./viewport";

const diameters = new Map<number, Signal<number>>();

/** Diameter of a project's brush, in pixels of the image; it stays from image to image. */
export function diameterOf({ project, size }: Answer): Signal<number> {
  const found = diameters.get(project.id) ?? signal(Math.max(1, Math.round(Math.min(size.width, size.height) / 16)));
  diameters.set(project.id, found);
  return found;
}

interface Stroke {
  index: number | null;
  thing: Thing;
  bitmap: Bitmap;
  last: [number, number];
}

export function Brush({ answer, view }: { answer: Answer; view: ReadonlySignal<View> }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ring = useRef<HTMLDivElement>(null);
  const painting = useRef<Stroke | null>(null);
  const active = useSignal(false);
  const { size } = answer;
  const diameter = diameterOf(answer);

  useSignalEffect(() => {
    active.value = answer.tool.value === "brush" || answer.tool.value === "eraser";
  });
  useSignalEffect(() => draw(canvas.current!, answer.things.value.filter(isPainted), size));

  const place = (event: PointerEvent): [number, number] => {
    const { left, top, width, height } = canvas.current!.getBoundingClientRect();
    return [((event.clientX - left) / width) * size.width, ((event.clientY - top) / height) * size.height];
  };

  const paint = (to: [number, number]): void => {
    const now = painting.current;
    if (!now) return;
    stroke(now.bitmap, now.last, to, Math.max(0.71, diameter.value / 2), answer.tool.value === "brush" ? 1 : 0);
    now.last = to;
    const others = answer.things.value.filter((thing, i) => i !== now.index && isPainted(thing));
    draw(canvas.current!, others, size, now);
  };

  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    const at = place(event);
    const index = answer.selected.value ?? (answer.tool.value === "eraser" ? thingAt(answer.things.value, at, size) : null);
    const thing = index === null ? undefined : answer.things.value[index];
    if (!thing && answer.tool.value === "eraser") return;
    canvas.current!.setPointerCapture(event.pointerId);
    painting.current = {
      index: thing ? index : null,
      thing: thing ?? boxed([0, 0, 0, 0], answer.current.value),
      bitmap: thing ? bitmapOf(thing, size) : blank(size.width, size.height),
      last: at,
    };
    paint(at);
  };

  const onMove = (event: PointerEvent): void => {
    const at = place(event);
    const { style } = ring.current!;
    const across = diameter.value * view.value.scale;
    style.width = style.height = `${across}px`;
    style.left = `${at[0] * view.value.scale - across / 2}px`;
    style.top = `${at[1] * view.value.scale - across / 2}px`;
    paint(at);
  };

  const onUp = (): void => {
    const done = painting.current;
    painting.current = null;
    const thing = done && painted(done.thing, done.bitmap);
    if (done && done.index !== null) answer.setThing(done.index, thing);
    else if (thing) answer.addThing(thing);
  };

  return (
    <>
      <canvas
        ref={canvas}
        class={active.value ? "brush active" : "brush"}
        width={size.width}
        height={size.height}
        aria-hidden="true"
        onPointerDown={onDown}
        onPointerMove={onMove}
        onPointerUp={onUp}
        onPointerCancel={onUp}
      />
      <div ref={ring} class={active.value ? "brush-ring" : "brush-ring hidden"} />
    </>
  );
}

const isPainted = (thing: Thing): boolean => thing.mask !== null && ringOf(thing) === null;

function draw(canvas: HTMLCanvasElement, things: readonly Thing[], size: Size, now?: Stroke): void {
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(size.width, size.height);
  for (const thing of things) tint(image.data, bitmapOf(thing, size).pixels, thing.label);
  if (now) tint(image.data, now.bitmap.pixels, now.thing.label);
  context.putImageData(image, 0, 0);
}
