// The battery of the `Origin` port. The rig names URLs that behave in known ways; the battery reads them and holds
// the adapter to the order of calls that the port promises.

import type {
  Origin,
  OriginAnswer,
  OriginListener,
  OriginOutcome,
  Validators,
} from "../../client/core/ports.ts";
import type { ByteRange, CachingFields } from "../../client/core/vocabulary.ts";
import type { Bytes } from "../../tracker/protocol/bytes.ts";
import { concatenated } from "../../tracker/protocol/bytes.ts";
import { type Cases, check, type Pace, type Rig, runCases, same } from "./battery.ts";

export interface OriginRig extends Rig {
  readonly origin: Origin;
  readonly pace: Pace;
  /** Answers 200 and 206; at least 100,000 bytes. */
  readonly asset: { readonly url: string; readonly bytes: Bytes };
  /** The asset, where the origin's caching fields can be seen and it takes conditions. */
  readonly versioned: string;
  /** Answers 404. */
  readonly missing: string;
  /** Nobody answers. */
  readonly unreachable: string;
  /** The asset, from an origin that answers every range with the whole; absent where there is none. */
  readonly rangeless?: string;
  /** The asset, cut off half way; absent where there is none. */
  readonly cut?: string;
}

/** Writes down what happens and refuses what the port forbids. */
class Transcript implements OriginListener {
  readonly #parts: Bytes[] = [];
  started: Omit<OriginAnswer, "headers"> | null = null;
  headers: CachingFields = {};
  outcome: OriginOutcome | null = null;
  wrong: string | null = null;
  onStart: () => void = () => {};
  onBytes: () => void = () => {};

  start({ headers = {}, ...answer }: OriginAnswer): void {
    if (this.started !== null || this.outcome !== null) this.wrong ??= "start came late or twice";
    this.started = answer;
    this.headers = headers;
    this.onStart();
  }
  bytes(data: Bytes): void {
    if (this.started === null || this.outcome !== null)
      this.wrong ??= "bytes outside start and end";
    // The receiver owns the buffer: ruining it must hurt nobody's later read.
    this.#parts.push(data.slice());
    data.fill(0);
    this.onBytes();
  }
  end(outcome: OriginOutcome): void {
    if (this.outcome !== null) this.wrong ??= "end came twice";
    this.outcome = outcome;
  }

  get received(): Bytes {
    return concatenated(this.#parts);
  }
  get silent(): boolean {
    return this.started === null && this.outcome === null && this.#parts.length === 0;
  }
}

async function read(
  { origin, pace }: OriginRig,
  url: string,
  range: ByteRange | "whole",
  unless?: Validators,
): Promise<Transcript> {
  const transcript = new Transcript();
  origin.read({ url, range, cache: "reload", ...(unless ? { unless } : {}) }, transcript);
  await pace.until(`the end of ${url}`, () => transcript.outcome !== null);
  await pace.settle();
  check(transcript.wrong === null, String(transcript.wrong));
  return transcript;
}

const CASES: Cases<OriginRig> = {
  "a whole read starts at 0 and brings every byte": async (rig) => {
    const { started, received, outcome } = await read(rig, rig.asset.url, "whole");
    same(outcome, { kind: "complete" }, "outcome");
    same(started?.offset, 0, "offset");
    check(started?.total === null || started?.total === rig.asset.bytes.length, "total is wrong");
    same(received, rig.asset.bytes, "bytes");
  },
  "a range brings exactly that range and the asset's size": async (rig) => {
    for (const [first, last] of [
      [0, 0],
      [1000, 70_000],
      [rig.asset.bytes.length - 1, rig.asset.bytes.length - 1],
    ] as const) {
      const { started, received, outcome } = await read(rig, rig.asset.url, { first, last });
      same(outcome, { kind: "complete" }, "outcome");
      same(started, { offset: first, total: rig.asset.bytes.length }, "start");
      same(received, rig.asset.bytes.slice(first, last + 1), "bytes");
    }
  },
  "a range over the end stops at the end": async (rig) => {
    const size = rig.asset.bytes.length;
    const { received, outcome } = await read(rig, rig.asset.url, {
      first: size - 10,
      last: size + 10,
    });
    same(outcome, { kind: "complete" }, "outcome");
    same(received, rig.asset.bytes.slice(size - 10), "bytes");
  },
  "a range behind the end is a status, 416": async (rig) => {
    const size = rig.asset.bytes.length;
    const { started, outcome } = await read(rig, rig.asset.url, { first: size, last: size + 10 });
    same(outcome, { kind: "status", status: 416 }, "outcome");
    same(started, null, "start");
  },
  "an error status ends the read and shows no body": async (rig) => {
    const { started, received, outcome } = await read(rig, rig.missing, "whole");
    same(outcome, { kind: "status", status: 404 }, "outcome");
    same(started, null, "start");
    same(received.length, 0, "bytes");
  },
  "a version that is known already is a 304, with its caching fields, and another is read": async (
    rig,
  ) => {
    const { etag = "" } = (await read(rig, rig.versioned, "whole")).headers;
    const { started, outcome } = await read(rig, rig.versioned, "whole", { etag });
    same(started, null, "start");
    const answer = outcome?.kind === "status" ? outcome : null;
    same([answer?.status, answer?.headers?.etag], [304, etag], "the answer");
    const { received } = await read(rig, rig.versioned, "whole", { etag: '"another"' });
    same(received, rig.asset.bytes, "bytes");
  },
  "an origin nobody answers for is unreachable": async (rig) => {
    const { started, outcome } = await read(rig, rig.unreachable, "whole");
    same(outcome, { kind: "unreachable" }, "outcome");
    same(started, null, "start");
  },
  "an origin that ignores ranges is reported as sending the whole": async (rig) => {
    if (rig.rangeless === undefined) return;
    const { started, received, outcome } = await read(rig, rig.rangeless, { first: 5, last: 9 });
    same(outcome, { kind: "complete" }, "outcome");
    same([started?.offset, started?.unranged], [0, true], "start");
    same(received, rig.asset.bytes, "bytes");
    const { started: front } = await read(rig, rig.rangeless, { first: 0, last: 9 });
    same(front?.unranged, true, "the front");
  },
  "a body that breaks off is unreachable, never complete": async (rig) => {
    if (rig.cut === undefined) return;
    const { received, outcome } = await read(rig, rig.cut, "whole");
    same(outcome, { kind: "unreachable" }, "outcome");
    same(received, rig.asset.bytes.slice(0, received.length), "bytes before the break");
  },
  "a read cancelled at once stays silent": async ({ origin, pace, asset }) => {
    const transcript = new Transcript();
    const cancel = origin.read({ url: asset.url, range: "whole", cache: "reload" }, transcript);
    cancel();
    cancel();
    await pace.settle();
    check(transcript.silent, "the listener was called after the cancel");
  },
  "a read cancelled at its start or first bytes stops there": async ({ origin, pace, asset }) => {
    for (const moment of ["onStart", "onBytes"] as const) {
      const transcript = new Transcript();
      let calls = 0;
      transcript[moment] = () => {
        calls++;
        cancel();
      };
      const cancel = origin.read({ url: asset.url, range: "whole", cache: "reload" }, transcript);
      await pace.until(moment, () => calls > 0);
      await pace.settle();
      same(calls, 1, `calls of ${moment}`);
      same(transcript.outcome, null, "outcome after a cancel");
      if (moment === "onStart") same(transcript.received.length, 0, "bytes after a cancel");
      cancel();
    }
  },
  "reads at the same time do not mix": async (rig) => {
    const [one, other] = await Promise.all([
      read(rig, rig.asset.url, { first: 0, last: 49_999 }),
      read(rig, rig.asset.url, { first: 50_000, last: 99_999 }),
    ]);
    same(one?.received, rig.asset.bytes.slice(0, 50_000), "first half");
    same(other?.received, rig.asset.bytes.slice(50_000, 100_000), "second half");
  },
};

/** Throws at the first case `make`'s origins fail. */
export function originBattery(make: () => OriginRig | Promise<OriginRig>): Promise<void> {
  return runCases("Origin", CASES, make);
}
