/** An image with what somebody said of it, to be looked at. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { colourOf, rgbOf } from "../colours";
import type { Label, Thing } from "../service/records";
import { bitmapOf, type Size } from "./things";

interface Props {
  image: Promise<string>;
  size: Size;
  label: Label | null;
  classes: string[];
  alt: string;
}

export function Fixed({ image, size, label, classes, alt }: Props) {
  const address = useSignal<string | undefined>(undefined);
  useEffect(() => {
    // Whoever shows it large says what went wrong.
    image.then((url) => (address.value = url), () => undefined);
  }, [image]);
  const things = typeof label === "object" && label ? label.objects : [];
  const line = Math.max(size.width, size.height) / 160;
  return (
    <div class={Math.max(size.width, size.height) <= 128 ? "fixed pixelated" : "fixed"}>
      <img src={address.value} alt={alt} width={size.width} height={size.height} />
      {things.length > 0 && (
        <>
          <Masks things={things} size={size} />
          <svg viewBox={`0 0 ${size.width} ${size.height}`} aria-hidden="true">
            {things.map(({ box: [x0, y0, x1, y1], label: of }, i) => (
              <rect key={i} x={x0} y={y0} width={x1 - x0} height={y1 - y0} fill="none" stroke={colourOf(of)} stroke-width={line}>
                <title>{classes[of]}</title>
              </rect>
            ))}
          </svg>
        </>
      )}
    </div>
  );
}

function Masks({ things, size }: { things: Thing[]; size: Size }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = useSignal(things);
  shown.value = things;
  useSignalEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    const image = context.createImageData(size.width, size.height);
    for (const thing of shown.value) if (thing.mask) tint(image.data, bitmapOf(thing, size).pixels, thing.label);
    context.putImageData(image, 0, 0);
  });
  return <canvas ref={canvas} width={size.width} height={size.height} aria-hidden="true" />;
}

const OPACITY = 120;

/** Colour the pixels of a mask in RGBA data. */
export function tint(data: Uint8ClampedArray, pixels: Uint8Array, label: number): void {
  const [red, green, blue] = rgbOf(label);
  pixels.forEach((set, i) => {
    if (set) data.set([red, green, blue, OPACITY], 4 * i);
  });
}
