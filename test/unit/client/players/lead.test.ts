// How far ahead the player is, guessed from what it asks for: never further than it is.

import { expect, test } from "vitest";
import { Lead, watchJumps } from "../../../../client/players/lead.ts";

const segment = (sn: number | "initSegment") => ({
  sn,
  start: sn === "initSegment" ? 0 : 2 * sn,
  duration: 2,
});

/** One that was handed the segments from `first` on, all at the same moment. */
function after(first: number, count: number, now = 0): Lead {
  const lead = new Lead();
  for (let sn = first; sn < first + count; sn++) lead.delivered(segment(sn), now);
  return lead;
}

test("it is what came in a row, but for the first, in the middle of which the player may have begun", () => {
  expect(after(5, 1).before(segment(6), 0)).toBe(0);
  expect(after(5, 4).before(segment(9), 0)).toBe(6);
  expect(after(0, 4).before(segment(4), 0)).toBe(8);
});

test("playing takes a second a second, and never more than there is", () => {
  const lead = after(1, 3);
  expect(lead.before(segment(4), 1500)).toBe(2.5);
  expect(lead.before(segment(4), 60_000)).toBe(0);
  lead.delivered(segment(4), 60_000);
  expect(lead.before(segment(5), 60_000)).toBe(2);
});

test("anything but the next one is due now", () => {
  const lead = after(0, 9);
  for (const sn of [0, 7, 8, 10, "initSegment"] as const)
    expect(lead.before(segment(sn), 0)).toBe(0);
});

test("behind a jump it begins anew, and an init segment in between is none", () => {
  const lead = after(1, 8);
  lead.delivered(segment("initSegment"), 0);
  expect(lead.before(segment(9), 0)).toBe(14);
  lead.delivered(segment(50), 0);
  expect(lead.before(segment(51), 0)).toBe(0);
  lead.delivered(segment(51), 0);
  expect(lead.before(segment(52), 0)).toBe(2);
});

test.for(["seeking", "waiting", "ratechange"])(
  "after a video's %s nothing is known, until fragments come in a row again",
  (jump) => {
    const document = new EventTarget();
    watchJumps(document);
    const now = performance.now();
    const lead = after(1, 4, now);
    expect(lead.before(segment(5), now)).toBe(6);
    document.dispatchEvent(new Event(jump));
    expect(lead.before(segment(5), performance.now())).toBe(0);
    const later = performance.now() + 1;
    for (const sn of [5, 6]) lead.delivered(segment(sn), later);
    expect(lead.before(segment(7), later)).toBe(2);
  },
);
