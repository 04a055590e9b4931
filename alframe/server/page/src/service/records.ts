/** What the server says and hears, as docs/labelling.md has it. */

export type Role = "viewer" | "annotator" | "reviewer" | "manager";
export type Kind = "classification" | "detection" | "segmentation";

/** Run lengths as COCO compresses them, or rings of corners: x and y in turn, in pixels of the item's image. */
export type Mask = { size: [number, number]; counts: string } | { rings: number[][] };

/** Left, top, right and bottom edge, in pixels of the item's image. */
export type Box = [number, number, number, number];

export interface Thing {
  box: Box;
  label: number;
  mask: Mask | null;
  crowd: boolean;
  difficult: boolean;
  score: number | null;
}

export type Label = number | { objects: Thing[] };

export interface User {
  id: number;
  name: string;
  admin: boolean;
}

export interface Me extends User {
  must_change: boolean;
  projects: { id: number; name: string; kind: Kind; role: Role }[];
}

export interface Settings {
  overlap: number;
  prefill: "never" | "request" | "always";
  lease_seconds: number;
  leases: number;
  rules: { allowed_classes: string[] | null; needs_rationale: string[]; [rule: string]: unknown };
  [setting: string]: unknown;
}

export interface Project {
  id: number;
  name: string;
  kind: Kind;
  classes: string[];
  guidelines: string;
  settings: Settings;
  paused: boolean;
  version: number;
  role: Role;
}

export interface Lease {
  assignment: number;
  task: number;
  item: number;
  project: number;
  fence: number;
  expires_in: number;
  width: number;
  height: number;
  draft: unknown;
  prefill: Label | null;
  prediction: boolean;
}

export interface Prediction {
  label: Label | null;
  probs: number[] | null;
}

export interface Page<T> {
  items: T[];
  next: number | null;
}
