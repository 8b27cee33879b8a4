// Questions about URLs between two ends of a link: statements of any size arrive whole, and whoever does not keep to the
// question is put out.

import { beforeEach, describe, expect, test } from "vitest";
import {
  Descriptions,
  MAX_DESCRIBES,
  MAX_STATEMENT_BYTES,
} from "../../../../../client/core/swarm/descriptions.ts";
import { type ControlMessage, DATA_BYTES } from "../../../../../client/core/wire/messages.ts";
import type { Bytes } from "../../../../../tracker/protocol/bytes.ts";
import { patterned } from "../../../../contract/battery.ts";
import { turns } from "../stage.ts";

type Message = Parameters<Descriptions["heard"]>[0];
const URL: Bytes = new Uint8Array(32).fill(7);

class End {
  readonly said: Message[] = [];
  statement: Bytes | undefined;
  allowance = Number.POSITIVE_INFINITY;
  readonly descriptions = new Descriptions({
    say: (message: ControlMessage) => this.said.push(message as Message),
    statement: async () => this.statement,
    give: (bytes) => {
      this.allowance -= bytes;
      return this.allowance >= 0;
    },
  });
}

let [asker, holder]: [End, End] = [new End(), new End()];
beforeEach(() => {
  [asker, holder] = [new End(), new End()];
});

/** Carries what both say until nobody says anything. */
async function talk(): Promise<void> {
  for (let quiet = false; !quiet; ) {
    quiet = true;
    for (const [from, to] of [
      [asker, holder],
      [holder, asker],
    ] as const) {
      for (const message of from.said.splice(0)) {
        quiet = false;
        expect(to.descriptions.heard(message)).toBeUndefined();
      }
      await turns();
    }
  }
}

test.each([1, DATA_BYTES, DATA_BYTES + 1, 5 * DATA_BYTES])(
  "a statement of %i bytes arrives whole",
  async (length) => {
    holder.statement = patterned(length, 1);
    const answer = asker.descriptions.ask(URL);
    await talk();
    expect(await answer).toEqual(holder.statement);
  },
);

test("whoever knows nothing, or gives nothing now, says so", async () => {
  const answers = [asker.descriptions.ask(URL)];
  await talk();
  holder.statement = patterned(100, 1);
  holder.allowance = 99;
  answers.push(asker.descriptions.ask(URL));
  await talk();
  expect(await Promise.all(answers)).toEqual([undefined, undefined]);
});

test("a link that ends answers everything that is open", async () => {
  const answer = asker.descriptions.ask(URL);
  asker.descriptions.close();
  expect(await answer).toBeUndefined();
  expect(await asker.descriptions.ask(URL)).toBeUndefined();
});

test("only so many questions are open at once, and more of them are a flood", async () => {
  for (let at = 0; at < MAX_DESCRIBES; at++) void asker.descriptions.ask(URL);
  expect(await asker.descriptions.ask(URL)).toBeUndefined();
  expect(asker.said).toHaveLength(MAX_DESCRIBES);
  for (const message of asker.said) expect(holder.descriptions.heard(message)).toBeUndefined();
  const more = { type: "describe", request: 99, offset: 0, url: URL } as const;
  expect(holder.descriptions.heard(more)).toBe("flood");
});

describe("an answer", () => {
  const part = (request: number, total: number, length: number): Message => ({
    type: "description",
    request,
    total,
    bytes: new Uint8Array(length),
  });
  test.each<[string, Message, string]>([
    ["to no question", part(1, 10, 10), "unasked"],
    ["that would be too long", part(0, MAX_STATEMENT_BYTES + 1, DATA_BYTES), "too-long"],
    ["with less than it says", part(0, 10, 9), "out-of-range"],
    ["with more than it says", part(0, 10, 11), "out-of-range"],
    ["without anything of it", part(0, DATA_BYTES, 0), "out-of-range"],
  ])("%s is refused", (_what, message, violation) => {
    void asker.descriptions.ask(URL);
    expect(asker.descriptions.heard(message)).toBe(violation);
  });

  test("that becomes shorter on the way is refused", () => {
    void asker.descriptions.ask(URL);
    expect(asker.descriptions.heard(part(0, 3 * DATA_BYTES, DATA_BYTES))).toBeUndefined();
    expect(asker.descriptions.heard(part(0, DATA_BYTES, 0))).toBe("out-of-range");
  });
});
