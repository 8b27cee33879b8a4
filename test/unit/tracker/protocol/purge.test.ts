// The history of purges: never less purged than was said, whatever is left out, folded or said again.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base64url } from "../../../../tracker/protocol/bytes.ts";
import { KEY_BYTES, SIGNATURE_BYTES } from "../../../../tracker/protocol/manifest.ts";
import {
  arePurgeRecords,
  isAbout,
  isPurgesKnown,
  isTarget,
  MAX_PURGES,
  MAX_PURGES_PER_MESSAGE,
  type Purge,
  PurgeHistory,
} from "../../../../tracker/protocol/purge.ts";

const SITE = "https://site.example/";
const asset = (path: string, epoch: number, tags: readonly string[] = []) => ({
  url: SITE + path,
  epoch,
  tags,
});

const target = fc.oneof(
  fc.record({ scope: fc.constant("url" as const), what: fc.constantFrom("a/1", "a/2", "b/1") }),
  fc.record({ scope: fc.constant("prefix" as const), what: fc.constantFrom("", "a/", "a/1", "b") }),
  fc.record({ scope: fc.constant("tag" as const), what: fc.constantFrom("red", "blue") }),
  fc.record({ scope: fc.constant("all" as const), what: fc.constant("") }),
);
const purges = fc
  .array(fc.tuple(target, fc.boolean(), fc.integer({ min: 1, max: 3 })), { maxLength: 30 })
  .map((list) => {
    let epoch = 0;
    return list.map(([{ scope, what }, soft, step]): Purge => {
      epoch += step;
      const whole = scope === "url" || scope === "prefix" ? SITE + what : what;
      return { epoch, scope, what: whole, soft };
    });
  });
const assets = fc.record({
  url: fc.constantFrom("a/1", "a/2", "b/1", "c").map((path) => SITE + path),
  epoch: fc.integer({ min: 0, max: 90 }),
  tags: fc.subarray(["red", "blue"]),
});

describe("a history", () => {
  test("judges as if it had kept every purge", () => {
    fc.assert(
      fc.property(purges, assets, (list, one) => {
        const history = new PurgeHistory<Purge>();
        for (const purge of list) expect(history.add(purge)).toBe(true);
        const about = list.filter((purge) => one.epoch <= purge.epoch && isAbout(purge, one));
        const right = about.some(({ soft }) => !soft)
          ? "hard"
          : about.length > 0
            ? "soft"
            : undefined;
        expect(history.judge(one)).toBe(right);
      }),
    );
  });

  test("tells whoever knows some of it the rest, with the same judgement in the end", () => {
    fc.assert(
      fc.property(purges, assets, fc.nat({ max: 30 }), (list, one, known) => {
        const theirs = new PurgeHistory<Purge>();
        const ours = new PurgeHistory<Purge>();
        for (const purge of list) theirs.add(purge);
        for (const purge of list.slice(0, known)) ours.add(purge);
        for (const purge of theirs.since(ours.epoch)) ours.add(purge);
        expect(ours.judge(one)).toBe(theirs.judge(one));
        expect(ours.epoch).toBe(theirs.epoch);
      }),
    );
  });

  test("goes forward only", () => {
    const history = new PurgeHistory<Purge>();
    const purge = { epoch: 10, scope: "url", what: `${SITE}a`, soft: false } as const;
    expect(history.add(purge)).toBe(true);
    expect(history.add(purge)).toBe(false);
    expect(history.add({ ...purge, what: `${SITE}b`, epoch: 9 })).toBe(false);
    expect(history.judge(asset("b", 1))).toBeUndefined();
    expect(history.judge(asset("a", 10))).toBe("hard");
    expect(history.judge(asset("a", 11))).toBeUndefined();
  });

  test("is bounded: the older half becomes one purge of everything, which takes nothing less back", () => {
    const history = new PurgeHistory<Purge>();
    for (let epoch = 1; epoch <= MAX_PURGES; epoch++) {
      history.add({ epoch, scope: "url", what: `${SITE}${epoch}`, soft: true });
    }
    expect(history.overflow).toBeUndefined();
    const epoch = MAX_PURGES + 1;
    history.add({ epoch, scope: "url", what: `${SITE}${epoch}`, soft: true });
    const { overflow } = history;
    expect(overflow).toEqual({ epoch: MAX_PURGES / 2, scope: "all", what: "", soft: true });
    if (overflow !== undefined) history.fold(overflow);
    expect(history.since(0)).toHaveLength(MAX_PURGES / 2 + 2);
    expect(history.overflow).toBeUndefined();
    expect(history.epoch).toBe(epoch);
    expect(history.judge(asset("7", 1))).toBe("soft");
    expect(history.judge(asset("never purged", MAX_PURGES / 2))).toBe("soft");
    expect(history.judge(asset("never purged", MAX_PURGES / 2 + 1))).toBeUndefined();
  });
});

describe("records of strangers", () => {
  const record = {
    epoch: 5,
    scope: "tag",
    what: "news",
    soft: false,
    signature: base64url(new Uint8Array(SIGNATURE_BYTES)),
  };
  test("are taken within their bounds", () => {
    expect(arePurgeRecords([record])).toBe(true);
    expect(arePurgeRecords(Array(MAX_PURGES_PER_MESSAGE).fill(record))).toBe(true);
    expect(isPurgesKnown({ key: base64url(new Uint8Array(KEY_BYTES)), epoch: 0 })).toBe(true);
  });
  test.each<[string, unknown]>([
    ["no list", record],
    ["too many", Array(MAX_PURGES_PER_MESSAGE + 1).fill(record)],
    ["nothing", [null]],
    ["an epoch that is none", [{ ...record, epoch: 1.5 }]],
    ["a negative epoch", [{ ...record, epoch: -1 }]],
    ["another scope", [{ ...record, scope: "everything" }]],
    ["a tag with a comma", [{ ...record, what: "a,b" }]],
    ["a URL without scheme", [{ ...record, scope: "url", what: "/a" }]],
    ["a target of all", [{ ...record, scope: "all" }]],
    ["a soft that is none", [{ ...record, soft: 1 }]],
    ["a short signature", [{ ...record, signature: "AAAA" }]],
  ])("are refused: %s", (_what, value) => {
    expect(arePurgeRecords(value)).toBe(false);
  });
  test.each<[unknown, unknown]>([
    ["url", `${SITE}#part`],
    ["prefix", "https://"],
    ["prefix", ""],
    ["tag", ""],
    ["tag", "x".repeat(129)],
    ["url", SITE.padEnd(2100, "x")],
    ["toString", "x"],
  ])("no target: %s %s", (scope, what) => {
    expect(isTarget(scope, what)).toBe(false);
  });
});
