// The table as it is printed.

import { expect, test } from "vitest";
import { table } from "../../../bench/table.ts";
import type { Work } from "../../../bench/work.ts";

const nobody = async () => ({});
const work: Work = {
  name: "crowd",
  about: "many at once",
  variants: {
    plain: { name: "fetch", run: nobody },
    rival: { name: "Other", run: nobody },
    shoal: { name: "Shoal", run: nobody },
  },
  measures: [
    { figure: "copies", target: { is: "at most", bound: 1.2 } },
    {
      figure: "time",
      unit: "s",
      digits: 1,
      target: { is: "at most", bound: 0.7, against: { role: "rival", by: "ratio" } },
    },
    {
      figure: "lag",
      target: { is: "at most", bound: 3, against: { role: "plain", by: "difference" } },
    },
    { figure: "noise" },
  ],
  limitSeconds: 1,
};

test("a row a measure, columns in line, and the ratio where a target is one", () => {
  const text = table([
    {
      work,
      rounds: [
        {
          plain: { figures: { copies: 6, time: 30, lag: 1, noise: 5 } },
          rival: { failed: "the page crashed" },
          shoal: { figures: { copies: 1.25, time: 6, lag: 3, noise: 4 } },
        },
        {
          plain: { figures: { copies: 6, time: 30, lag: 1, noise: 5 } },
          rival: { figures: { copies: 1.6, time: 15, lag: 2, noise: 6 } },
          shoal: { figures: { copies: 1.05, time: 6, lag: 3, noise: 4 } },
        },
      ],
    },
  ]);
  expect(text.split("\n")).toEqual([
    "work   figure   plain HTTP  rival         Shoal  target          reached?",
    "-----  -------  ----------  ------------  -----  --------------  ----------",
    "crowd  copies   6.00        1.60 (Other)  1.15   <= 1.2          yes",
    "       time, s  30.0        15.0 (Other)  6.0    <= 0.7 x rival  yes (0.40)",
    "       lag      1.00        2.00 (Other)  3.00   <= plain + 3    yes (2.00)",
    "       noise    5.00        6.00 (Other)  4.00",
  ]);
});

test("a figure that a variant has not got is no failure; one that came to nothing is", () => {
  const text = table([
    {
      work: { ...work, measures: [{ figure: "copies" }, { figure: "noise" }] },
      rounds: [
        {
          plain: { figures: { noise: Number.NaN } },
          rival: { figures: { noise: 2 } },
          shoal: { figures: { copies: 1, noise: 1 } },
        },
        { plain: { failed: "the page crashed" }, rival: { failed: "so did this" } },
      ],
    },
  ]);
  expect(text.split("\n").slice(2)).toEqual([
    "crowd  copies                            1.00",
    "       noise   failed      2.00 (Other)  1.00",
  ]);
});

test("a variant that never came to its end says so, and one that is not there says nothing", () => {
  const { plain, shoal } = work.variants;
  const text = table([
    {
      work: {
        ...work,
        variants: { ...(plain ? { plain } : {}), ...(shoal ? { shoal } : {}) },
        measures: [{ figure: "copies", target: { is: "at most", bound: 1.2 } }],
      },
      rounds: [{ plain: { figures: { copies: 6 } }, shoal: { failed: "not at its end" } }],
    },
  ]);
  expect(text.split("\n").at(-1)).toBe("crowd  copies  6.00               failed  <= 1.2  failed");
});
