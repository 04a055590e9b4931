/** The items in somebody's hands: the one before their eyes, and the next, with its image fetched already. */
import { batch, signal } from "@preact/signals";

import { call, get, picture, Problem, Unreachable } from "../service/client";
import type { Lease, Page, Project } from "../service/records";

export interface Held {
  lease: Lease;
  /** The image's address; fetched once. */
  image: Promise<string>;
}

export type Standing = "loading" | "working" | "nothing" | "paused" | "waiting" | "unreachable";

/** A lease that has ended while its item is still before somebody's eyes, and what the server says of it. */
export interface Lost {
  assignment: number;
  why: string;
}

const ASK_AGAIN = 5_000;

/** Leases of one project; `close` when its page is left. */
export class Work {
  readonly held = signal<Held[]>([]);
  readonly standing = signal<Standing>("loading");
  readonly lost = signal<Lost | null>(null);
  private filling = false;
  private closed = false;
  private again: ReturnType<typeof setTimeout> | undefined;
  private beat: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly project: Project) {}

  /** Take up what is held already, after a reload, and fill up. */
  async open(answered: (lease: Lease) => boolean): Promise<void> {
    const seconds = Math.max(2, this.project.settings.lease_seconds / 3);
    this.beat = setInterval(() => void this.heartbeat(), seconds * 1000);
    try {
      const mine = await get<Page<Lease>>(`/projects/${this.project.id}/leases`);
      for (const lease of mine.items) if (!answered(lease)) this.add(lease);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    }
    await this.fill();
  }

  /** Lease until two items are held, or there is a reason why not. */
  async fill(): Promise<void> {
    clearTimeout(this.again);
    if (this.filling || this.closed) return;
    this.filling = true;
    try {
      const most = Math.min(2, this.project.settings.leases);
      while (this.held.value.length < most && !this.closed) {
        const lease = await this.lease();
        if (!lease) return this.rest("nothing");
        if (this.held.value.some((each) => each.lease.assignment === lease.assignment)) return this.rest("waiting");
        this.add(lease);
      }
    } catch (error) {
      if (error instanceof Unreachable) this.rest("unreachable");
      else if (error instanceof Problem && error.status === 409) this.rest("paused");
      else if (error instanceof Problem && error.status === 429) this.rest("waiting", error.retryAfter);
      else throw error;
    } finally {
      this.filling = false;
    }
  }

  /**
   * Ask for the item of a lease that has ended once more; its draft is there still.
   *
   * `false` where the server gives out something else instead, or nothing.
   */
  async retake(ended: Lease): Promise<boolean> {
    const lease = await this.lease();
    const again = lease?.task === ended.task;
    batch(() => {
      this.drop(ended.assignment);
      if (lease) this.add(lease, again);
    });
    await this.fill();
    return again;
  }

  private lease(): Promise<Lease | undefined> {
    return call<Lease | undefined>("POST", `/projects/${this.project.id}/leases`);
  }

  private add(lease: Lease, first = false): void {
    const image = picture(`/items/${lease.item}/image`);
    image.catch(() => undefined); // whoever shows it says so
    batch(() => {
      this.held.value = first ? [{ lease, image }, ...this.held.value] : [...this.held.value, { lease, image }];
      this.standing.value = "working";
    });
  }

  /** Nothing more for now: ask again in a while. */
  private rest(standing: Standing, seconds: number | null = null): void {
    if (!this.held.value.length) this.standing.value = standing;
    this.again = setTimeout(() => void this.fill(), seconds ? seconds * 1000 : ASK_AGAIN);
  }

  /** Put the item away; the next one is there at once. */
  drop(assignment: number): void {
    const gone = this.held.value.find(({ lease }) => lease.assignment === assignment);
    void gone?.image.then(URL.revokeObjectURL, () => undefined);
    batch(() => {
      this.held.value = this.held.value.filter((each) => each !== gone);
      if (this.lost.value?.assignment === assignment) this.lost.value = null;
      if (!this.held.value.length) this.standing.value = "loading";
    });
  }

  private async heartbeat(): Promise<void> {
    for (const [i, { lease }] of this.held.value.entries()) {
      try {
        await call("POST", `/assignments/${lease.assignment}/heartbeat`, { body: { fence: lease.fence } });
      } catch (error) {
        if (!(error instanceof Problem) || (error.status !== 409 && error.status !== 404)) continue;
        if (i === 0) this.lost.value = { assignment: lease.assignment, why: error.message };
        else this.drop(lease.assignment);
      }
    }
  }

  close(): void {
    this.closed = true;
    clearInterval(this.beat);
    clearTimeout(this.again);
    for (const { image } of this.held.value) void image.then(URL.revokeObjectURL, () => undefined);
  }
}
