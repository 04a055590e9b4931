import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { picture } from "../service/client";

const MARGIN = "200px";

/** An image that the server shows only to those who may see it; fetched when it comes near the window, for every view is logged. */
export function Picture({ path, alt }: { path: string; alt: string }) {
  const place = useRef<HTMLSpanElement>(null);
  const address = useSignal<string | null>(null);
  useEffect(() => {
    let gone = false;
    let found: Promise<string> | undefined;
    const watcher = new IntersectionObserver(
      (seen) => {
        if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
        watcher.disconnect();
        found = picture(path);
        found.then((url) => !gone && (address.value = url), () => undefined);
      },
      { rootMargin: MARGIN },
    );
    watcher.observe(place.current!);
    return () => {
      gone = true;
      watcher.disconnect();
      address.value = null;
      void found?.then(URL.revokeObjectURL, () => undefined);
    };
  }, [path]);
  return (
    <span ref={place} class="picture" {...(address.value ? {} : { role: "img", "aria-label": alt })}>
      {address.value && <img src={address.value} alt={alt} />}
    </span>
  );
}
