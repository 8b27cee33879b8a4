// What one peer holds of what we asked it about, and which answers are late, wrong or never asked for.

import { beforeAll, describe, expect, test } from "vitest";
import { Availability } from "../../../../../client/core/swarm/availability.ts";
import type { Content, ContentId } from "../../../../../client/core/vocabulary.ts";
import { MAX_ASKED } from "../../../../../client/core/wire/messages.ts";
import { sample } from "../stage.ts";

let film: Content;
let page: Content;
beforeAll(async () => {
  film = (await sample({ size: 10 * 1024 })).content;
  page = (await sample({ size: 1024, seed: 2 })).content;
});
const named = (name: string): Content => ({ ...film, id: name as ContentId });
const NOTHING = new Uint8Array(0);

function asked(): { readonly availability: Availability; readonly handle: number } {
  const availability = new Availability();
  const handle = availability.ask(film, 50);
  if (handle === undefined) throw new Error("not asked");
  return { availability, handle };
}
function answered(): ReturnType<typeof asked> {
  const one = asked();
  // Chunks 0 and 9 of 10.
  one.availability.answer(one.handle, 10, new Uint8Array([0x80, 0x40]));
  return one;
}

describe("asking", () => {
  test("gives every content its handle, once", () => {
    const { availability, handle } = asked();
    expect(availability.ask(film, 60)).toBeUndefined();
    expect(availability.ask(page, 60)).not.toBe(handle);
    expect(availability.handleOf(film.id)).toBe(handle);
  });
  test("is bounded, and what is dropped makes room", () => {
    const availability = new Availability();
    for (let n = 0; n < MAX_ASKED; n++) expect(availability.ask(named(`${n}`), 0)).toBe(n);
    expect(availability.ask(named("more"), 0)).toBeUndefined();
    expect(availability.drop("7" as ContentId)).toBe(7);
    expect(availability.ask(named("more"), 0)).toBe(MAX_ASKED);
  });
  test("goes round after 65,536 handles, past those still in use", () => {
    const { availability, handle } = asked();
    for (let n = 0; n < 0x1_0000 - 1; n++) {
      availability.ask(page, 0);
      availability.drop(page.id);
    }
    expect(handle).toBe(0);
    expect(availability.ask(page, 0)).toBe(1);
  });
  test("is awaited since it was done, until the answer", () => {
    const { availability, handle } = asked();
    expect(availability.awaitedSince(page.id)).toBe("unasked");
    expect(availability.awaitedSince(film.id)).toBe(50);
    availability.answer(handle, 0, NOTHING);
    expect(availability.awaitedSince(film.id)).toBe("answered");
    availability.drop(film.id);
    expect(availability.awaitedSince(film.id)).toBe("unasked");
  });
});

describe("an answer", () => {
  test("says what is there", () => {
    const { availability } = answered();
    const held = [...Array(12).keys()].filter((index) => availability.has(film.id, index));
    expect(held).toEqual([0, 9]);
    expect(availability.has(page.id, 0)).toBe(false);
  });
  test("of nothing known is a peer that holds nothing yet", () => {
    const { availability, handle } = asked();
    expect(availability.answer(handle, 0, NOTHING)).toBe("changed");
    expect(availability.delta({ handle, kind: "have", indices: [3] }, 0)).toBe("changed");
    expect(availability.has(film.id, 3)).toBe(true);
  });
  test("to a handle that was dropped is late; to one never given, unasked", () => {
    const { availability, handle } = asked();
    availability.drop(film.id);
    expect(availability.answer(handle, 10, new Uint8Array(2))).toBe("late");
    expect(availability.delta({ handle, kind: "have", indices: [1] }, 0)).toBe("late");
    expect(availability.answer(handle + 1, 10, new Uint8Array(2))).toBe("unasked");
    expect(availability.delta({ handle: handle + 1, kind: "have", indices: [1] }, 0)).toBe(
      "unasked",
    );
  });
  test("about another number of chunks is out of range, with spare bits malformed", () => {
    const { availability, handle } = asked();
    expect(availability.answer(handle, 11, new Uint8Array(2))).toBe("out-of-range");
    expect(availability.answer(handle, 10, new Uint8Array([0, 1]))).toBe("malformed");
    expect(availability.awaitedSince(film.id)).toBe(50);
  });
});

describe("a delta", () => {
  test("before the answer is out of order", () => {
    const { availability, handle } = asked();
    expect(availability.delta({ handle, kind: "have", indices: [1] }, 0)).toBe("out-of-order");
  });
  test("behind the end is out of range", () => {
    const { availability, handle } = answered();
    expect(availability.delta({ handle, kind: "have", indices: [9] }, 0)).toBe("changed");
    expect(availability.delta({ handle, kind: "have", indices: [10] }, 0)).toBe("out-of-range");
    expect(availability.delta({ handle, kind: "pending", indices: [10] }, 0)).toBe("out-of-range");
  });
  test("moves a chunk from pending to held to gone", () => {
    const { availability, handle } = answered();
    availability.delta({ handle, kind: "pending", indices: [4] }, 700);
    expect(availability.pendingSince(film.id, 4)).toBe(700);
    expect(availability.has(film.id, 4)).toBe(false);
    availability.delta({ handle, kind: "have", indices: [4] }, 800);
    expect(availability.pendingSince(film.id, 4)).toBeUndefined();
    expect(availability.has(film.id, 4)).toBe(true);
    availability.delta({ handle, kind: "gone", indices: [4, 0] }, 900);
    expect(availability.has(film.id, 4)).toBe(false);
    expect(availability.has(film.id, 0)).toBe(false);
    availability.delta({ handle, kind: "pending", indices: [5] }, 900);
    availability.delta({ handle, kind: "gone", indices: [5] }, 950);
    expect(availability.pendingSince(film.id, 5)).toBeUndefined();
  });
  test("may be our own: what it refused as missing it does not hold", () => {
    const { availability } = answered();
    availability.lacks(film.id, 9);
    expect(availability.has(film.id, 9)).toBe(false);
    expect(availability.has(film.id, 0)).toBe(true);
  });
});

describe("an answer is worth waiting for", () => {
  test("a round trip and a half, and never longer than a page would notice", () => {
    const { availability } = asked();
    const by = (rttMs: number | null) => availability.answerBy(film.id, rttMs);
    expect([by(20), by(200), by(null)]).toEqual([80, 150, 150]);
    expect(availability.answerBy(page.id, 20)).toBe(Number.NEGATIVE_INFINITY);
    expect(answered().availability.answerBy(film.id, 20)).toBe(Number.NEGATIVE_INFINITY);
  });
  test("until the last ten or so were that it holds nothing, and again once it holds something", () => {
    const availability = new Availability();
    const answers = (bits: number): void => {
      const handle = availability.ask(film, 0);
      if (handle === undefined) throw new Error("it can be asked");
      availability.answer(handle, 10, new Uint8Array([bits, 0]));
      availability.drop(film.id);
    };
    const isWorthIt = (): boolean => {
      availability.ask(film, 0);
      const by = availability.answerBy(film.id, 20);
      availability.drop(film.id);
      return by === 30;
    };
    for (let times = 0; times < 3; times++) answers(0x80);
    for (let times = 0; times < 8; times++) answers(0);
    expect(isWorthIt()).toBe(true);
    answers(0);
    expect(isWorthIt()).toBe(false);
    answers(0x80);
    expect(isWorthIt()).toBe(true);
  });
});
