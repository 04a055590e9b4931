/** The rest of a list, on demand. */
export function More({ more }: { more: (() => void) | null }) {
  return more && <button onClick={more}>More</button>;
}
