// The one parser of what a tracker says of URLs: exact about what it takes, and never throwing.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_ATTESTED_AGE, parseAttestation } from "../../../../tracker/protocol/attestation.ts";
import { base64url } from "../../../../tracker/protocol/bytes.ts";

const zeros = (count: number): string => base64url(new Uint8Array(count));
const asset = {
  url: "https://site.example/a",
  size: 1,
  chunkBytes: 1024,
  digests: zeros(32),
  type: "text/css",
  signature: zeros(64),
};
const manifest = { format: "shoal/1", epoch: 1, key: zeros(65), assets: [asset] };
const problem = { url: asset.url, code: "private", title: "no" };
const parsed = (value: unknown) => parseAttestation(JSON.stringify(value));

describe("a line", () => {
  test("is a manifest of one asset", () => {
    expect(parsed({ maxAge: 60, manifest })).toMatchObject({
      kind: "vouched",
      maxAge: 60,
      asset: { url: asset.url, size: 1, epoch: 1 },
    });
  });
  test("or a problem", () => {
    const refused = { kind: "refused", url: asset.url, code: "private", maxAge: 0 };
    expect(parsed({ maxAge: 0, problem })).toEqual(refused);
  });
  test.each([
    ["nothing", null],
    ["a text", "x"],
    ["neither", { maxAge: 1 }],
    ["no age", { manifest }],
    ["a negative age", { maxAge: -1, manifest }],
    ["too long an age", { maxAge: MAX_ATTESTED_AGE + 1, manifest }],
    ["an age that is none", { maxAge: "1", manifest }],
    ["a manifest of nothing", { maxAge: 1, manifest: { ...manifest, assets: [] } }],
    ["a wrong manifest", { maxAge: 1, manifest: { ...manifest, format: "shoal/2" } }],
    ["a problem without its URL", { maxAge: 1, problem: { code: "x" } }],
    ["a problem without its code", { maxAge: 1, problem: { url: "x" } }],
    ["a code without end", { maxAge: 1, problem: { ...problem, code: "x".repeat(300) } }],
    ["a problem that is none", { maxAge: 1, problem: 1 }],
  ])("is not %s", (_what, value) => expect(parsed(value)).toBeUndefined());

  test("may be anything else, and is nothing then", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(parseAttestation(line)).toBeUndefined();
      }),
    );
  });
});
