// One whole answer of the origin, small enough to be held: the manifest, or a file that is asked about. An origin that
// takes the question and then says nothing is as good as unreachable: whoever asks later must not wait for this one.

import { type Bytes, concatenated } from "../../../tracker/protocol/bytes.ts";
import type { Clock, Origin, OriginRequest } from "../ports.ts";
import type { ByteCount, CachingFields, Cancel, Millis } from "../vocabulary.ts";

/** Without a byte for so long a connection is given up. */
const SILENCE: Millis = 10_000;

export type WholeAnswer =
  | { readonly kind: "bytes"; readonly bytes: Bytes; readonly headers: CachingFields }
  | { readonly kind: "status"; readonly status: number; readonly headers: CachingFields }
  | { readonly kind: "unreachable" | "too-large" };

/** Never rejects. `too-large` as soon as it is known that there are more bytes than `most`. */
export function readWhole(
  { clock, origin }: { readonly clock: Clock; readonly origin: Origin },
  request: Omit<OriginRequest, "range" | "cache">,
  most: ByteCount,
): Promise<WholeAnswer> {
  return new Promise((resolve) => {
    const parts: Bytes[] = [];
    let size = 0;
    let headers: CachingFields = {};
    let cancelSilence: Cancel = () => {};
    const end = (answer: WholeAnswer): void => {
      cancelSilence();
      cancel();
      resolve(answer);
    };
    const listen = (): void => {
      cancelSilence();
      cancelSilence = clock.after(SILENCE, () => end({ kind: "unreachable" }));
    };
    const cancel = origin.read(
      { ...request, range: "whole", cache: "no-cache" },
      {
        start: (answer) => {
          headers = answer.headers ?? {};
          if ((answer.total ?? 0) > most) end({ kind: "too-large" });
          else listen();
        },
        bytes: (data) => {
          parts.push(data);
          size += data.length;
          if (size > most) end({ kind: "too-large" });
          else listen();
        },
        end: (outcome) => {
          if (outcome.kind === "complete") {
            end({ kind: "bytes", bytes: concatenated(parts), headers });
          } else if (outcome.kind === "status") {
            end({ kind: "status", status: outcome.status, headers: outcome.headers ?? {} });
          } else end({ kind: "unreachable" });
        },
      },
    );
    listen();
  });
}
