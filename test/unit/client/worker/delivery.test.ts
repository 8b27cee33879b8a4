// One answer from sources that fall away: what is short comes whole or not at all, what is long breaks off loudly, and nobody gets
// a byte that does not belong there.

import { expect, test } from "vitest";
import { Delivery, MOST_AT_ONCE, type Source } from "../../../../client/worker/delivery.ts";
import type { Bytes } from "../../../../tracker/protocol/bytes.ts";
import { patterned } from "../../../contract/battery.ts";
import { sample } from "../core/stage.ts";

const KIB = 1024;

/** Gives so many bytes at a time of a body, and does `then` when it has given `until`. */
function source(body: Bytes, until: number, then: "fails" | "ends", step = 1000): Source {
  return {
    async next(at) {
      if (at < until) return body.slice(at, Math.min(at + step, until));
      if (then === "ends") return null;
      throw new Error("gone");
    },
    close() {},
  };
}

async function delivery(
  size: number,
  first: (body: Bytes) => Source,
  {
    others = [],
    isPlayed = false,
  }: { others?: readonly ((body: Bytes) => Source)[]; isPlayed?: boolean } = {},
) {
  const { content } = await sample({ size, chunkBytes: 256 * KIB });
  const body = patterned(size);
  const asked: number[] = [];
  const made = new Delivery({
    content,
    range: "whole",
    isPlayed,
    source: first(body),
    others: others.map((other) => async (seen) => {
      asked.push(seen.end);
      return other(body);
    }),
    cacheStatus: "shoal; hit",
  });
  return { body, asked, made };
}
const bytesOf = async (response: Response): Promise<Bytes> =>
  new Uint8Array(await response.arrayBuffer());

for (const then of ["fails", "ends"] as const) {
  test(`where one source ${then} before its time, the next goes on at the same byte`, async () => {
    const { body, asked, made } = await delivery(5000, (all) => source(all, 2500, then), {
      others: [(all) => source(all, 5000, "ends")],
    });
    const response = await made.response();
    expect(response.headers.get("Content-Length")).toBe("5000");
    expect(await bytesOf(response)).toEqual(body);
    expect(asked).toEqual([2500]);
  });

  test(`a short body whose last source ${then} is no answer at all`, async () => {
    const { made } = await delivery(5000, (all) => source(all, 2500, then));
    await expect(made.response()).rejects.toThrow();
  });

  test(`a long one whose last source ${then} breaks off, and is not taken for a shorter one`, async () => {
    const size = MOST_AT_ONCE + 1;
    const { made } = await delivery(size, (all) => source(all, size - 1, then, 100_000));
    const response = await made.response();
    await expect(response.arrayBuffer()).rejects.toThrow();
  });
}

test("without a first byte nobody else is asked: whoever wanted it looks elsewhere", async () => {
  const { asked, made } = await delivery(5000, (all) => source(all, 0, "fails"), {
    others: [(all) => source(all, 5000, "ends")],
  });
  await expect(made.response()).rejects.toThrow("gone");
  expect(asked).toEqual([]);
});

test("what is played flows from its first byte on, however short it is", async () => {
  const { body, made } = await delivery(5000, (all) => source(all, 2500, "fails"), {
    isPlayed: true,
  });
  const reader = (await made.response()).body?.getReader();
  expect((await reader?.read())?.value).toEqual(body.slice(0, 1000));
  await reader?.read();
  await reader?.read();
  await expect(reader?.read()).rejects.toThrow("gone");
});
