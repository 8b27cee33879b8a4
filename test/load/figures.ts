// What is measured with sockets: memory and joins, announces, a storm, a hostile load. Each starts its own servers and
// crowd, and ends them.

import { Crowd, Foe } from "./hands.ts";
import { hasRival, type Kind, Subject } from "./subject.ts";

export interface Row {
  readonly figure: string;
  readonly measured: string;
  readonly must?: string;
  readonly reached?: boolean;
}
export interface Scale {
  /** Path of the subnet rules. */
  readonly rules: string;
  readonly minutes: number;
  of(count: number): number;
}

const KIB = 1024;
/** Connects under way at a time: enough to keep the server busy, not enough to time what queues in front of it. */
const AT_ONCE = 200;

async function withSubject<Result>(
  kind: Kind,
  { rules }: Scale,
  use: (subject: Subject, crowd: Crowd) => Promise<Result>,
): Promise<Result> {
  const subject = await Subject.start(kind, rules);
  const crowd = await Crowd.gather();
  try {
    return await use(subject, crowd);
  } finally {
    await crowd.disperse();
    await subject.end();
  }
}

interface Joined {
  readonly perSecond: number;
  readonly kib: number;
  readonly rssKib: number;
}

/** A first thousand comes and goes, so that what is measured is neither the compiler nor a first growth of the heap. */
function joined(kind: Kind, scale: Scale, want: number): Promise<Joined> {
  return withSubject(kind, scale, async (subject, crowd) => {
    const { port } = subject;
    const count = scale.of(15_000);
    await crowd.bid({ do: "join", kind, port, count: scale.of(2000), want: 0, atOnce: AT_ONCE });
    await crowd.bid({ do: "leave" });
    const before = await subject.measure();
    const { seconds, answered } = await crowd.bid({
      do: "join",
      kind,
      port,
      count,
      want,
      atOnce: AT_ONCE,
    });
    if (answered !== count) throw new Error(`${kind}: ${answered} of ${count} joined`);
    const after = await subject.measure();
    return {
      perSecond: count / seconds,
      kib: (after.heap - before.heap) / count / KIB,
      rssKib: (after.rss - before.rss) / count / KIB,
    };
  });
}

export async function joins(scale: Scale): Promise<Row[]> {
  const bare = await joined("ws", scale, 0);
  const rival = hasRival() ? await joined("bittorrent", scale, 0) : undefined;
  const shoal = await joined("shoal", scale, 0);
  const meeting = await joined("shoal", scale, 8);
  const memory = ({ kib, rssKib }: Joined) => `${kib.toFixed(1)} KiB (RSS ${rssKib.toFixed(1)})`;
  const rate = ({ perSecond }: Joined) => `${Math.round(perSecond)}/s`;
  const ratio = shoal.perSecond / bare.perSecond;
  const of = `of ${scale.of(15_000)}`;
  return [
    { figure: `memory per connection ${of}: bare ws`, measured: memory(bare) },
    ...(rival === undefined
      ? []
      : [{ figure: `memory per peer ${of}: bittorrent-tracker`, measured: memory(rival) }]),
    {
      figure: `memory per announced peer ${of}: Shoal`,
      measured: memory(shoal),
      must: "<= 8 KiB",
      reached: shoal.kib <= 8,
    },
    { figure: "the same, eight introductions each", measured: memory(meeting) },
    { figure: "joins: bare ws, one echo", measured: rate(bare) },
    ...(rival === undefined
      ? []
      : [{ figure: "joins: bittorrent-tracker", measured: rate(rival) }]),
    {
      figure: "joins: Shoal, connect, hello, announce, answer",
      measured: `${rate(shoal)} (${ratio.toFixed(2)} x ws)`,
      must: ">= 0.8 x ws",
      reached: ratio >= 0.8,
    },
    {
      figure: "joins: Shoal, and eight introductions each",
      measured: `${rate(meeting)} (${(meeting.perSecond / bare.perSecond).toFixed(2)} x ws)`,
    },
  ];
}

export function announces(scale: Scale): Promise<Row[]> {
  return withSubject("shoal", scale, async (subject, crowd) => {
    const { port } = subject;
    const count = scale.of(15_000);
    await crowd.bid({ do: "join", kind: "shoal", port, count, want: 8, atOnce: AT_ONCE });
    subject.reset();
    const told = await crowd.bid({ do: "announce", perSecond: 500, seconds: 20, want: 2 });
    const { loopP99Ms } = await subject.measure();
    const missing = 500 * 20 - told.answered;
    return [
      {
        figure: `announce at ${count} peers, 500/s, two wishes each`,
        measured: `p50 ${told.p50Ms.toFixed(1)}, p99 ${told.p99Ms.toFixed(1)} ms; ${missing} lost`,
        must: "p99 <= 50 ms",
        reached: told.p99Ms <= 50 && missing === 0,
      },
      { figure: "event loop meanwhile", measured: `p99 ${loopP99Ms.toFixed(0)} ms` },
    ];
  });
}

export async function storm(scale: Scale): Promise<Row[]> {
  const count = scale.of(10_000);
  const crowd = await Crowd.gather();
  let subject = await Subject.start("shoal", scale.rules);
  try {
    const { port } = subject;
    await crowd.bid({ do: "join", kind: "shoal", port, count, want: 8, atOnce: AT_ONCE });
    const returned = crowd.bid({ do: "return", withinSeconds: 60 });
    await subject.end();
    subject = await Subject.start("shoal", scale.rules, port);
    subject.reset();
    const { seconds, answered } = await returned;
    const { loopP99Ms } = await subject.measure();
    return [
      {
        figure: `storm: ${count} clients after a crash and restart`,
        measured: `${answered} back in ${seconds.toFixed(1)} s`,
        must: "all within 30 s",
        reached: answered === count && seconds <= 30,
      },
      {
        figure: "event loop during the storm",
        measured: `p99 ${loopP99Ms.toFixed(0)} ms`,
        must: "p99 <= 200 ms",
        reached: loopP99Ms <= 200,
      },
    ];
  } finally {
    await crowd.disperse();
    await subject.end();
  }
}

/**
 * Strangers of the real world have machines of their own; these share two cores and one network stack with those they
 * disturb. So the reference is the same strangers at another tracker on this machine: what is left between the two is
 * what the attacked tracker lets its honest visitors feel.
 */
export function hostile(scale: Scale): Promise<Row[]> {
  return withSubject("shoal", scale, async (subject, crowd) => {
    const decoy = await Subject.start("shoal", scale.rules);
    try {
      decoy.stepBack();
      for (const measured of [subject, crowd]) measured.stepForward();
      return await besieged(scale, { subject, decoy, crowd });
    } finally {
      await decoy.end();
    }
  });
}

/** Introductions are remembered for a minute, and forgotten at the next sweep. */
const FORGETTING_MS = 75_000;
/** In turns, so that what else the machine does is in both. */
const TURNS = 3;

async function besieged(
  scale: Scale,
  { subject, decoy, crowd }: { subject: Subject; decoy: Subject; crowd: Crowd },
): Promise<Row[]> {
  const seed = Date.now() % 2 ** 32;
  const seconds = Math.max(5, Math.round((scale.minutes * 60) / TURNS));
  const announce = { do: "announce", perSecond: 200, want: 2 } as const;
  const { port } = subject;
  const count = scale.of(3000);
  const empty = await subject.measure();
  await crowd.bid({ do: "join", kind: "shoal", port, count, want: 8, atOnce: AT_ONCE });
  await crowd.bid({ ...announce, seconds: 5 });
  const calm = await crowd.bid({ ...announce, seconds: Math.min(10, seconds) });
  let turns = 0;
  const attack = async (on: Subject, forSeconds: number) => {
    const foe = await Foe.comes(on.port, seed + turns++);
    const told = await crowd.bid({ ...announce, seconds: forSeconds });
    await foe.goes();
    return told.p99Ms;
  };
  // Once each, so that what grows at first has grown.
  for (const on of [decoy, subject]) await attack(on, 5);
  const before = await subject.measure();
  const elsewhere: number[] = [];
  const here: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    elsewhere.push(await attack(decoy, Math.min(10, seconds)));
    here.push(await attack(subject, seconds));
  }
  const after = await subject.measure();
  await crowd.bid({ do: "leave" });
  await new Promise((resolve) => setTimeout(resolve, FORGETTING_MS));
  const end = await subject.measure();
  const grown = (from: number, to: number) => (to - from) / KIB / KIB;
  const left = grown(empty.heap, end.heap);
  const ratio = median(here.map((p99, turn) => p99 / (elsewhere[turn] ?? Number.NaN)));
  const all = (values: readonly number[]) => values.map((value) => value.toFixed(1)).join(", ");
  return [
    {
      figure: `honest p99, quiet; strangers elsewhere, seed ${seed}`,
      measured: `${calm.p99Ms.toFixed(1)} ms; ${all(elsewhere)} ms`,
    },
    {
      figure: `hostile load of ${TURNS} x ${seconds} s: honest p99`,
      measured: `${all(here)} ms (${ratio.toFixed(2)} x elsewhere)`,
      must: "<= 2 x, no crash",
      reached: ratio <= 2 && subject.isAlive,
    },
    {
      // Meanwhile the honest ones are introduced to ever more of each other, which is remembered as long as they stay.
      figure: "memory when all have left; meanwhile",
      measured: `heap ${signed(left)} MiB; ${signed(grown(before.heap, after.heap))} MiB`,
      must: "flat",
      reached: left < 16,
    },
  ];
}

const signed = (mib: number): string => `${mib >= 0 ? "+" : ""}${mib.toFixed(1)}`;
const median = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
