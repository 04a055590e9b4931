/** Boxes and polygons on the image, drawn and edited with Annotorious; the answer is the truth, and it follows. */
import { createImageAnnotator, ShapeType, type ImageAnnotation, type Polygon, type Rectangle } from "@annotorious/annotorious";
import "@annotorious/annotorious/annotorious.css";
import { effect } from "@preact/signals";

import { colourOf } from "../colours";
import type { Thing } from "../service/records";
import type { Answer } from "./answer";
import { boxed, ringed, ringOf, thingAt, tidy } from "./things";

/** Annotorious takes nothing under 16 square pixels: on its scale the image has so many on its longer side. */
const LONGEST = 4096;
const CLICK = 4; // pixels of the screen that a click may move

/** Draw on `image`; what is returned takes everything away again. */
export function drawShapes(image: HTMLImageElement, answer: Answer): () => void {
  const unit = LONGEST / Math.max(answer.size.width, answer.size.height);
  const annotator = createImageAnnotator(image, { autoSave: false });
  const layer = annotator.element.querySelector("svg")!;
  layer.setAttribute("viewBox", `0 0 ${answer.size.width * unit} ${answer.size.height * unit}`);
  layer.setAttribute("role", "img");
  layer.setAttribute("aria-label", "Shapes on the image");
  layer.setAttribute("tabindex", "-1");
  const colours = new CSSStyleSheet();
  document.adoptedStyleSheets.push(colours);
  // Handles say that they are buttons without a name; every edit has its keys instead.
  const handles = new MutationObserver(() => {
    for (const handle of layer.querySelectorAll("[role=button]")) {
      handle.removeAttribute("role");
      handle.setAttribute("tabindex", "-1");
    }
  });
  handles.observe(layer, { childList: true, subtree: true });

  let edited = false;
  let showing = false;
  const onChange = ({ origin }: { origin: string }): void => {
    if (origin === "LOCAL") edited = true;
  };
  annotator.state.store.observe(onChange);
  // Its own event comes a moment late, when something else may be selected.
  const stopFollowing = annotator.state.selection.subscribe(({ selected }: { selected: { id: string }[] }) => {
    const index = selected[0] ? Number(selected[0].id) : null;
    if (!showing && (index === null || Number.isInteger(index))) follow(index);
  }) as () => void;

  /** Somebody selected with the pointer; objects under a brush are not Annotorious's to select. */
  function follow(index: number | null): void {
    const at = answer.selected.value;
    if (index === at || (index === null && at !== null && !drawable(answer.things.value[at]))) return;
    answer.select(index);
  }

  /** Take over what was drawn or edited. */
  function readBack(): void {
    if (!edited) return;
    edited = false;
    for (const annotation of annotator.getAnnotations() as ImageAnnotation[]) {
      const index = Number(annotation.id);
      if (!Number.isInteger(index)) {
        annotator.removeAnnotation(annotation.id);
        const thing = thingOf(annotation, boxed([0, 0, 0, 0], answer.current.value));
        if (thing) answer.addThing(thing);
        continue;
      }
      const before = answer.things.value[index];
      const after = before && thingOf(annotation, before);
      if (before && !after) show();
      else if (after && !same(before, after)) answer.setThing(index, after);
    }
  }

  function thingOf(annotation: ImageAnnotation, thing: Thing): Thing | null {
    const { type, geometry } = annotation.target.selector;
    if (type === ShapeType.POLYGON) {
      const ring = (geometry as Polygon["geometry"]).points.flat().map((value) => value / unit);
      return ringed(thing, ring, answer.size);
    }
    const { x, y, w, h } = geometry as Rectangle["geometry"];
    const box = tidy([x / unit, y / unit, (x + w) / unit, (y + h) / unit], answer.size);
    return box[0] < box[2] && box[1] < box[3] ? { ...thing, box, score: null } : null;
  }

  /** Let Annotorious show the answer: what is the same stays, so that a shape in hand is not let go. */
  function show(): void {
    showing = true;
    const things = answer.things.value;
    for (const { id } of annotator.getAnnotations() as ImageAnnotation[]) {
      if (!drawable(things[Number(id)])) annotator.removeAnnotation(id);
    }
    things.forEach((thing, index) => {
      if (!drawable(thing)) return;
      const there = annotator.getAnnotationById(String(index)) as ImageAnnotation | undefined;
      if (!there) annotator.addAnnotation(annotationOf(thing, index, unit));
      else if (!same(thing, thingOf(there, thing))) annotator.updateAnnotation(annotationOf(thing, index, unit));
    });
    edited = false;
    const at = answer.selected.value;
    const shown = (annotator.getSelected() as ImageAnnotation[])[0]?.id;
    const wanted = at !== null && drawable(things[at]) ? String(at) : undefined;
    if (shown !== wanted) annotator.setSelected(wanted, true);
    showing = false;
    colours.replaceSync(rules(things, at === null ? null : (things[at] ?? null)));
  }

  // Annotorious draws nothing while something is selected: a press beside it lets it go first.
  let pressed: [number, number] | null = null;
  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    pressed = [event.clientX, event.clientY];
    if (!(event.target as Element).closest("g.drawing")) answer.select(null);
  };
  const onUp = (event: PointerEvent): void => {
    const from = pressed;
    pressed = null;
    setTimeout(() => {
      const drew = edited;
      readBack();
      const moved = from && Math.hypot(event.clientX - from[0], event.clientY - from[1]) >= CLICK;
      if (!from || moved || drew || answer.selected.value !== null || drawingPolygon(layer)) return;
      const place = layer.getBoundingClientRect();
      const { width, height } = answer.size;
      const x = ((event.clientX - place.left) / place.width) * width;
      const y = ((event.clientY - place.top) / place.height) * height;
      const index = thingAt(answer.things.value, [x, y], answer.size);
      if (index !== null && !drawable(answer.things.value[index])) answer.select(index);
    });
  };
  const onKeyUp = (): void => readBack();
  layer.addEventListener("pointerdown", onDown, true);
  addEventListener("pointerup", onUp, true); // Annotorious stops those that end a shape
  addEventListener("keyup", onKeyUp);

  const stops = [
    effect(show),
    effect(() => {
      const tool = answer.tool.value;
      const painting = tool === "brush" || tool === "eraser";
      layer.style.pointerEvents = painting ? "none" : "";
      if (!painting) annotator.setDrawingTool(tool === "box" ? "rectangle" : "polygon");
    }),
  ];
  cancel = () => annotator.cancelDrawing();
  return () => {
    stopFollowing();
    stops.forEach((stop) => stop());
    handles.disconnect();
    layer.removeEventListener("pointerdown", onDown, true);
    removeEventListener("pointerup", onUp, true);
    removeEventListener("keyup", onKeyUp);
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== colours);
    annotator.destroy();
    cancel = () => undefined;
  };
}

let cancel: () => void = () => undefined;

/** Let go of a shape that is half drawn. */
export const cancelDrawing = (): void => cancel();

const drawingPolygon = (layer: Element): boolean => layer.querySelector(".a9s-rubberband polygon") !== null;

const drawable = (thing: Thing | undefined): boolean => thing !== undefined && (!thing.mask || ringOf(thing) !== null);

const same = (one: Thing, other: Thing | null): boolean =>
  JSON.stringify([one.box, ringOf(one)]) === JSON.stringify([other?.box, other && ringOf(other)]);

function annotationOf(thing: Thing, index: number, unit: number): ImageAnnotation {
  const id = String(index);
  const [minX, minY, maxX, maxY] = thing.box.map((edge) => edge * unit) as Thing["box"];
  const bounds = { minX, minY, maxX, maxY };
  const ring = ringOf(thing);
  const points = ring?.flatMap((x, i) => (i % 2 ? [] : [[x * unit, ring[i + 1]! * unit]]));
  const selector = points
    ? { type: ShapeType.POLYGON, geometry: { bounds, points } }
    : { type: ShapeType.RECTANGLE, geometry: { bounds, x: minX, y: minY, w: maxX - minX, h: maxY - minY, rot: 0 } };
  return { id, bodies: [], target: { annotation: id, selector } };
}

function rules(things: readonly Thing[], selected: Thing | null): string {
  const rule = (where: string, { label }: Thing, width: number) =>
    `.sheet svg.a9s-annotationlayer ${where} .a9s-inner { stroke: ${colourOf(label)}; stroke-width: ${width}px; }`;
  const all = things.map((thing, i) => rule(`[data-id="${i}"]`, thing, 2));
  return [...all, selected ? rule("g.drawing .selected", selected, 3) : ""].join("\n");
}
