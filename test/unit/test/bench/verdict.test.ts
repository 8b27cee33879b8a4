// Medians of rounds, and when a target counts as reached.

import { describe, expect, test } from "vitest";
import { judge, median } from "../../../bench/verdict.ts";
import type { Measure, Role, Round, Target } from "../../../bench/work.ts";

test.each([
  [[], null],
  [[3], 3],
  [[10, 1, 2], 2],
  [[4, 1, 3, 100], 3.5],
])("the median of %j is %j", (values, middle) => {
  expect(median(values)).toBe(middle);
});

/** Rounds with one figure, `x`; `null`: the run failed. */
function rounds(columns: { readonly [role in Role]?: readonly (number | null)[] }): Round[] {
  const count = columns.shoal?.length ?? 0;
  return Array.from({ length: count }, (_, at) =>
    Object.fromEntries(
      Object.entries(columns).map(([role, values]) => {
        const x = values[at] ?? null;
        return [role, x === null ? { failed: "it did not end" } : { figures: { x } }];
      }),
    ),
  );
}
const x = (target?: Target): Measure => ({ figure: "x", ...(target ? { target } : {}) });
const atMost = (bound: number, against?: Target["against"]): Target => ({
  is: "at most",
  bound,
  ...(against ? { against } : {}),
});

describe("a target", () => {
  test("is held against the median, not against the worst round", () => {
    const judged = judge(x(atMost(1.2)), rounds({ shoal: [1.1, 9, 1.2] }));
    expect(judged).toMatchObject({ against: 1.2, verdict: "yes" });
    expect(judge(x(atMost(1.2)), rounds({ shoal: [1.1, 9, 1.21] })).verdict).toBe("no");
  });

  test("is a ratio within each round, so that a slow round is slow for both", () => {
    const target = atMost(0.7, { role: "rival", by: "ratio" });
    const judged = judge(x(target), rounds({ rival: [10, 100, 30], shoal: [6, 60, 27] }));
    expect(judged).toMatchObject({ against: 0.6, verdict: "yes" });
    expect(judged.medians).toEqual({ plain: null, rival: 30, shoal: 27 });
  });

  test("is a difference where a ratio would say little", () => {
    const target = atMost(30, { role: "plain", by: "difference" });
    const judged = judge(x(target), rounds({ plain: [2, 3, 2], shoal: [30, 40, 33] }));
    expect(judged).toMatchObject({ against: 31, verdict: "no" });
  });

  test("can be a least", () => {
    const target: Target = { is: "at least", bound: 0.9, against: { role: "rival", by: "ratio" } };
    expect(judge(x(target), rounds({ rival: [10], shoal: [9] })).verdict).toBe("yes");
    expect(judge(x(target), rounds({ rival: [10], shoal: [8.9] })).verdict).toBe("no");
  });

  test("is failed when one run of Shoal did not end, however good the others were", () => {
    expect(judge(x(atMost(1.2)), rounds({ shoal: [1, null, 1] })).verdict).toBe("failed");
  });

  test("is failed when there is nothing to compare with", () => {
    const target = atMost(2, { role: "rival", by: "ratio" });
    expect(judge(x(target), rounds({ rival: [null], shoal: [1] })).verdict).toBe("failed");
    expect(judge(x(target), rounds({ rival: [0], shoal: [1] })).verdict).toBe("failed");
  });

  test("survives a rival's failed round", () => {
    const target = atMost(0.5, { role: "rival", by: "ratio" });
    const judged = judge(x(target), rounds({ rival: [10, null, 10], shoal: [4, 4, 5] }));
    expect(judged).toMatchObject({ against: 0.45, verdict: "yes" });
  });

  test("is missed by a figure that is no number", () => {
    expect(judge(x(atMost(1)), rounds({ shoal: [Number.NaN] })).verdict).toBe("failed");
  });
});

test("a figure without a target has no verdict", () => {
  expect(judge(x(), rounds({ shoal: [1] }))).toMatchObject({ against: null, verdict: "none" });
});
