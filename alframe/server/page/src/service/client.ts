/** Requests to the server: with the access token, which is kept in memory only, and renewed when it is due. */

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
    readonly retryAfter: number | null = null,
  ) {
    super(detail || title);
  }
}

/** The server cannot be reached, or is not well: the same request may do better later. */
export class Unreachable extends Error {
  constructor() {
    super("The server cannot be reached.");
  }
}

export interface Sending {
  body?: unknown;
  form?: FormData;
  key?: string;
  /** Let it outlive the page; browsers carry 64 KiB in this way, and no more. */
  keepalive?: boolean;
}

interface Signed {
  access_token: string;
  expires_in: number;
}

let access: { token: string; renewAt: number } | null = null;
let renewing: Promise<boolean> | null = null;
let whenSignedOut: () => void = () => undefined;

export const onSignedOut = (then: () => void): void => void (whenSignedOut = then);

function keep(signed: Signed): void {
  access = { token: signed.access_token, renewAt: Date.now() + signed.expires_in * 800 };
}

export const forget = (): void => void (access = null);

async function send(method: string, path: string, { body, form, key, keepalive }: Sending): Promise<Response> {
  const headers = new Headers();
  if (access) headers.set("Authorization", `Bearer ${access.token}`);
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (key) headers.set("Idempotency-Key", key);
  const content = form ?? (body === undefined ? null : JSON.stringify(body));
  try {
    const response = await fetch(`/api${path}`, { method, headers, body: content, keepalive: keepalive ?? false });
    if (response.status < 500) return response;
  } catch {
    // fetch does not say why: the network, or nobody there.
  }
  throw new Unreachable();
}

async function problem(response: Response): Promise<Problem> {
  const said = (await response.json().catch(() => ({}))) as { title?: string; detail?: unknown };
  const detail = typeof said.detail === "string" ? said.detail : said.detail ? JSON.stringify(said.detail) : "";
  const pause = Number(response.headers.get("Retry-After"));
  return new Problem(response.status, said.title ?? response.statusText, detail, pause > 0 ? pause : null);
}

/** Ask for a new access token with the cookie; several callers at once share one request. */
export function renew(): Promise<boolean> {
  renewing ??= inTurn(async () => {
    const response = await send("POST", "/session/refresh", {});
    if (response.ok) keep((await response.json()) as Signed);
    return response.ok;
  }).finally(() => (renewing = null));
  return renewing;
}

/** A cookie is good for once, and all windows have the same one: they take turns, where the browser lets them. */
async function inTurn(work: () => Promise<boolean>): Promise<boolean> {
  return "locks" in navigator ? await navigator.locks.request("alframe-session", work) : await work();
}

async function answered(method: string, path: string, sending: Sending): Promise<Response> {
  if (access && Date.now() > access.renewAt) await renew();
  let response = await send(method, path, sending);
  if (response.status === 401 && access) {
    if (await renew()) response = await send(method, path, sending);
    if (response.status === 401) {
      forget();
      whenSignedOut();
    }
  }
  if (!response.ok) throw await problem(response);
  return response;
}

/**
 * The JSON that the server answers; `undefined` where it has nothing to say (204).
 *
 * Throws `Problem` where the server refuses, and `Unreachable` where it is worth trying again.
 */
export async function call<T>(method: string, path: string, sending: Sending = {}): Promise<T> {
  const response = await answered(method, path, sending);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const get = <T>(path: string): Promise<T> => call<T>("GET", path);

/** The file under `path`, as an address for `<img>`; it stays until `URL.revokeObjectURL`. */
export async function picture(path: string): Promise<string> {
  return URL.createObjectURL(await (await answered("GET", path, {})).blob());
}

export async function signIn(name: string, password: string): Promise<void> {
  forget();
  keep(await call<Signed>("POST", "/session", { body: { name, password } }));
}

export async function signOut(): Promise<void> {
  await call("DELETE", "/session").finally(forget);
}

/** A name for a request that may be sent again. */
export function freshKey(): string {
  // crypto.randomUUID is there over HTTPS only.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
