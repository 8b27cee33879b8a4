// One answer read to its end, with progress. Owns nothing but the loop; where the bytes come from is not its business.

import type { Fetch } from "./shoal.ts";

export async function read(
  fetch: Fetch,
  url: string,
  {
    signal,
    progress,
  }: { readonly signal?: AbortSignal; readonly progress?: (bytes: number) => void } = {},
): Promise<Blob> {
  const response = await fetch(url, signal === undefined ? {} : { signal });
  if (!response.ok || response.body === null) throw new Error(`The answer was ${response.status}.`);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = response.body.getReader();
  let bytes = 0;
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    parts.push(step.value);
    bytes += step.value.length;
    progress?.(bytes);
  }
  const type = response.headers.get("content-type");
  return new Blob(parts, type === null ? {} : { type });
}
