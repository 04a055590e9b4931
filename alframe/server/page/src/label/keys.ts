/** Which key means what. */

export type Command =
  | { name: "class"; index: number }
  | { name: "nudge"; dx: number; dy: number; resize: boolean }
  | { name: Plain };

export type Plain = (typeof PLAIN)[number][1];

/** Key, command, and what it does; in the order in which the page explains them. */
export const PLAIN = [
  ["Enter", "submit", "Send the answer"],
  ["/", "filter", "Find a class by typing"],
  ["P", "prediction", "Show the model's prediction"],
  ["U", "cannot-tell", "Cannot tell: say why"],
  ["S", "skip", "Skip: leave it to others"],
  ["F", "flag", "Flag: something is wrong with this image"],
  ["R", "rationale", "Write why"],
  ["Ctrl+Z", "undo", "Undo"],
  ["Shift+Ctrl+Z", "redo", "Redo"],
  ["+", "zoom-in", "Zoom in"],
  ["-", "zoom-out", "Zoom out"],
  ["Home", "zoom-reset", "Whole image (0 too, unless it is a class)"],
  ["B", "box", "Draw boxes"],
  ["G", "polygon", "Draw polygons"],
  ["M", "brush", "Paint a mask"],
  ["E", "eraser", "Erase from a mask"],
  ["[", "smaller", "Smaller brush"],
  ["]", "larger", "Larger brush"],
  ["N", "new", "A new object in the middle of what you see"],
  [",", "previous", "Select the object before"],
  [".", "next", "Select the next object"],
  ["C", "corner", "Select a polygon's next corner"],
  ["Delete", "delete", "Delete the object"],
  ["Escape", "nothing", "Select nothing"],
  ["?", "help", "These keys"],
] as const;

const ALIKE: Record<string, string> = { Backspace: "Delete", "=": "+", _: "-", "Ctrl+Y": "Shift+Ctrl+Z" };
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** The command of a key press, where `classes` are to choose from; `null` where it means nothing here. */
export function command(pressed: Pressed, classes: readonly string[]): Command | null {
  const { key, shiftKey, altKey } = pressed;
  const control = pressed.ctrlKey || pressed.metaKey;
  if (altKey) return null;
  const arrow = ARROWS[key];
  if (arrow) {
    const step = control ? 10 : 1;
    return { name: "nudge", dx: step * arrow[0], dy: step * arrow[1], resize: shiftKey };
  }
  if (!control && /^[0-9]$/.test(key)) {
    const index = classes.findIndex((_, i) => classKey(i, classes) === key);
    if (index >= 0) return { name: "class", index };
    return key === "0" ? { name: "zoom-reset" } : null;
  }
  const plain = control ? `${shiftKey ? "Shift+" : ""}Ctrl+${key.toUpperCase()}` : key.length === 1 ? key.toUpperCase() : key;
  const found = PLAIN.find(([keys]) => keys === (ALIKE[plain] ?? plain));
  return found ? { name: found[1] } : null;
}

/** The number key of a class: its own name where all classes are digits, else 1 to 9 and 0 in order. */
export function classKey(index: number, classes: readonly string[]): string | null {
  if (classes.every((name) => /^[0-9]$/.test(name))) return classes[index] ?? null;
  return index < 9 ? String(index + 1) : index === 9 ? "0" : null;
}
