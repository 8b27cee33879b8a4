// A visitor whom nobody can help: what Shoal costs when the tracker introduces nobody. Small files and a
// large one, one after the other on one page.

import { noise } from "../../support/stage.ts";
import { type Download, download } from "../downloads.ts";
import type { Hall } from "../hall.ts";
import { median } from "../verdict.ts";
import type { Figures, Target, Work } from "../work.ts";

const MIB = 1024 * 1024;
const ORIGIN_BYTES_PER_SECOND = 12e6;
/** A small file is over so soon that one says little. */
const SMALL = Array.from({ length: 5 }, (_, n) => ({
  path: `/small-${n}.bin`,
  body: noise(MIB, 10 + n),
}));
const LARGE = [{ path: "/large.bin", body: noise(24 * MIB, 1) }];

const AS_FAST: Target = {
  is: "at most",
  bound: 1.05,
  against: { role: "plain", by: "ratio" },
};
const AS_SOON: Target = {
  is: "at most",
  bound: 30,
  against: { role: "plain", by: "difference" },
};

export const alone: Work = {
  name: "alone",
  about: "1 page, no peers, files of 1 and 24 MiB, origin 12 MB/s",
  variants: {
    plain: { name: "fetch", run: (hall) => visit(hall, "plain") },
    shoal: { name: "Shoal", run: (hall) => visit(hall, "shoal") },
  },
  measures: [
    { figure: "1 MiB", unit: "s", digits: 3, target: AS_FAST },
    { figure: "1 MiB, first byte", unit: "ms", digits: 1, target: AS_SOON },
    { figure: "24 MiB", unit: "s", target: AS_FAST },
    { figure: "24 MiB, first byte", unit: "ms", digits: 1, target: AS_SOON },
  ],
  limitSeconds: 90,
};

async function visit(hall: Hall, way: "plain" | "shoal"): Promise<Figures> {
  const files = [...SMALL, ...LARGE];
  await hall.stage.publish(Object.fromEntries(files.map(({ path, body }) => [path, body])));
  const [page] = await (way === "shoal" ? hall.visitors(1) : hall.strangers(1));
  if (page === undefined) throw new Error("nobody came");
  const fetched = async (wanted: typeof files): Promise<readonly Download[]> => {
    const downloads: Download[] = [];
    for (const { path } of wanted) {
      hall.limit(ORIGIN_BYTES_PER_SECOND);
      downloads.push(await download(page, way, hall.stage.site.url + path));
    }
    return downloads;
  };
  const small = await fetched(SMALL);
  const large = await fetched(LARGE);
  const middle = (downloads: readonly Download[], of: "seconds" | "firstByteMs"): number =>
    median(downloads.map((one) => one[of])) ?? Number.NaN;
  return {
    "1 MiB": middle(small, "seconds"),
    "1 MiB, first byte": middle(small, "firstByteMs"),
    "24 MiB": middle(large, "seconds"),
    "24 MiB, first byte": middle(large, "firstByteMs"),
  };
}
