/** Where the image lies on the stage: its scale, and its top left corner, in pixels of the screen. */
import type { Size } from "./things";

export interface View {
  scale: number;
  x: number;
  y: number;
}

const MARGIN = 12;
const MOST = 200;

export function whole(image: Size, stage: Size): View {
  const scale = Math.max(0.01, Math.min((stage.width - 2 * MARGIN) / image.width, (stage.height - 2 * MARGIN) / image.height));
  return { scale, x: (stage.width - image.width * scale) / 2, y: (stage.height - image.height * scale) / 2 };
}

/** Zoomed by `factor`; what lies under the point of the stage stays there. */
export function zoomed({ scale, x, y }: View, factor: number, [px, py]: [number, number]): View {
  const next = Math.min(MOST, Math.max(0.02, scale * factor));
  return { scale: next, x: px - ((px - x) * next) / scale, y: py - ((py - y) * next) / scale };
}

/** Moved, with some of the image always in sight. */
export function panned({ scale, x, y }: View, dx: number, dy: number, image: Size, stage: Size): View {
  const within = (value: number, length: number, room: number) => Math.min(room - 40, Math.max(40 - length, value));
  return {
    scale,
    x: within(x + dx, image.width * scale, stage.width),
    y: within(y + dy, image.height * scale, stage.height),
  };
}
