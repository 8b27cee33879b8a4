// Reads of ours; and that one without any answer is asked for once more. Who sees such reads is told in the browser tests.

import { describe, expect, test } from "vitest";
import { onceMore } from "../../../client/own-reads.ts";

describe("once more", () => {
  const failing = (times: number) => {
    let asked = 0;
    const ask = async (): Promise<number> => {
      if (asked++ < times) throw new TypeError("Failed to fetch");
      return asked;
    };
    return ask;
  };
  test("is asked where no answer came, and only once", async () => {
    expect(await onceMore(null, failing(0))).toBe(1);
    expect(await onceMore(null, failing(1))).toBe(2);
    await expect(onceMore(null, failing(2))).rejects.toThrow(TypeError);
  });
  test("is not asked by a page that has given up", async () => {
    const reason = new Error("gone");
    await expect(onceMore(AbortSignal.abort(reason), failing(1))).rejects.toBe(reason);
  });
});
