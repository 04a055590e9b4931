import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { picture } from "../service/client";

/** An image that the server shows only to those who may see it. */
export function Picture({ path, alt }: { path: string; alt: string }) {
  const address = useSignal<string | null>(null);
  useEffect(() => {
    let gone = false;
    const found = picture(path);
    found.then((url) => !gone && (address.value = url), () => undefined);
    return () => {
      gone = true;
      void found.then(URL.revokeObjectURL, () => undefined);
    };
  }, [path]);
  return address.value ? <img class="picture" src={address.value} alt={alt} /> : <span class="picture" role="img" aria-label={alt} />;
}
