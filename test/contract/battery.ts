// What every battery is made of: named cases, run one after the other on a fresh adapter each, and the two checks
// they use. Knows no test framework, so that the same cases run under vitest and bundled in a page.
// Never reads a clock: how waiting is done is the host's, through `Pace`.

/** How a battery waits. Real adapters wait in real time, simulated ones run their world. */
export interface Pace {
  /** Resolves once `condition` holds; throws naming `what` when it still does not after the host's patience. */
  until(what: string, condition: () => boolean): Promise<void>;
  /** Lets what is under way happen. Asked for before claiming that something did not happen. */
  settle(): Promise<void>;
}

/** What a factory hands a case: the adapter and its surroundings. `end` frees them. */
export interface Rig {
  end?(): void | Promise<void>;
}

/** Sentence about behaviour, and its proof. */
export type Cases<R extends Rig> = Readonly<Record<string, (rig: R) => void | Promise<void>>>;

/** Throws at the first case that fails, naming port and case. */
export async function runCases<R extends Rig>(
  port: string,
  cases: Cases<R>,
  make: () => R | Promise<R>,
): Promise<void> {
  for (const [sentence, prove] of Object.entries(cases)) {
    const rig = await make();
    try {
      await prove(rig);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`${port}: ${sentence}: ${why}`, { cause: error });
    } finally {
      await rig.end?.();
    }
  }
}

export function check(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

/** Compares by JSON, bytes by value, so that a failure prints what came instead. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [one, other] = [shown(actual), shown(expected)];
  if (one !== other) throw new Error(`${what}: expected ${other}, got ${one}`);
}

/** Longer bytes are shown by length, sum and ends: enough to tell them apart, short enough to read. */
function shown(value: unknown): string {
  return String(
    JSON.stringify(value, (_key, inner: unknown) => {
      if (inner === undefined) return "(undefined)";
      if (!(inner instanceof Uint8Array)) return inner;
      if (inner.length <= 32) return `bytes ${[...inner].join(" ")}`;
      let sum = 0;
      for (const byte of inner) sum = (sum * 31 + byte) >>> 0;
      return `${inner.length} bytes, sum ${sum}, ${inner[0]}..${inner[inner.length - 1]}`;
    }),
  );
}

/** Bytes that differ at every place a mistake would shift them: an LCG, so that the same seed gives the same. */
export function patterned(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
