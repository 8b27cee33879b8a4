// How near Shoal comes to what the channel itself can carry: one page gives another a large file it holds.

import type { Hall } from "../hall.ts";
import { barePair, type Pair, shoalPair, TRANSFER_MIB } from "../transfer.ts";
import type { Figures, Work } from "../work.ts";

export const pair: Work = {
  name: "pair",
  about: `${TRANSFER_MIB} MiB from one page to another, link up; rival: simple-peer, nothing verified or stored`,
  variants: {
    rival: { name: "bare channel", run: (hall) => rate(hall, barePair) },
    shoal: { name: "Shoal", run: (hall) => rate(hall, shoalPair) },
  },
  measures: [
    {
      figure: "rate",
      unit: "MiB/s",
      digits: 1,
      target: { is: "at least", bound: 0.9, against: { role: "rival", by: "ratio" } },
    },
    { figure: "not from the peer", unit: "MiB" },
  ],
  limitSeconds: 120,
};

async function rate(hall: Hall, open: (hall: Hall) => Promise<Pair>): Promise<Figures> {
  const { transfer } = await open(hall);
  const begin = performance.now();
  const { otherBytes } = await transfer();
  const seconds = (performance.now() - begin) / 1000;
  return { rate: TRANSFER_MIB / seconds, "not from the peer": otherBytes / 2 ** 20 };
}
