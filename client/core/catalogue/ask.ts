// One message to the tracker about many URLs, and the lines of its answer. Decides nothing and remembers nothing.

import {
  type Attestation,
  MAX_ASK_BYTES,
  MAX_ASKED_URLS,
  parseAttestation,
} from "../../../tracker/protocol/attestation.ts";
import { type Bytes, concatenated, fromUtf8 } from "../../../tracker/protocol/bytes.ts";
import { MAX_MANIFEST_BYTES } from "../../../tracker/protocol/manifest.ts";
import type { Origin, OriginOutcome } from "../ports.ts";
import type { Cancel } from "../vocabulary.ts";

const LINE_END = 10;

export interface AskListener {
  said(attestation: Attestation): void;
  /** Everything was said, or nothing more will be. */
  end(outcome: OriginOutcome): void;
}

/** Takes from the front of `urls` as many as go into one message. */
export function takeAsk(urls: string[]): readonly string[] {
  let bytes = 0;
  let count = 0;
  while (count < Math.min(urls.length, MAX_ASKED_URLS)) {
    // Spelled by `URL`, they are ASCII.
    bytes += (urls[count]?.length ?? 0) + 1;
    if (bytes > MAX_ASK_BYTES) break;
    count++;
  }
  return urls.splice(0, Math.max(1, count));
}

export function ask(
  origin: Origin,
  tracker: string,
  urls: readonly string[],
  listener: AskListener,
): Cancel {
  let line: Bytes[] = [];
  let length = 0;
  const fail = (): void => {
    cancel();
    listener.end({ kind: "unreachable" });
  };
  /** Whether it was a line. */
  const hear = (): boolean => {
    const attestation = parseAttestation(fromUtf8(concatenated(line)) ?? "");
    line = [];
    length = 0;
    if (attestation !== undefined) listener.said(attestation);
    return attestation !== undefined;
  };
  const cancel = origin.read(
    { url: tracker, range: "whole", cache: "default", body: urls.join("\n") },
    {
      start: () => {},
      bytes: (data) => {
        let from = 0;
        for (let end = data.indexOf(LINE_END); end >= 0; end = data.indexOf(LINE_END, from)) {
          line.push(data.subarray(from, end));
          from = end + 1;
          if (!hear()) return fail();
        }
        line.push(data.subarray(from));
        length += data.length - from;
        if (length > MAX_MANIFEST_BYTES) fail();
      },
      end: (outcome) => listener.end(outcome),
    },
  );
  return cancel;
}
