// Cards and letters as they lie in Redis: JSON, short, and read with suspicion, because another version of this
// program may have written them. A reader returns what it understands or `undefined`; it never throws.

import { isPeerId, isProximity, isSessionId } from "../protocol/ids.ts";
import { type Holding, signalOf } from "../protocol/messages.ts";
import type { Level, Region } from "../region/where.ts";
import type { Room } from "../roster/roster.ts";
import type { Card, Letter, NodeId, Sample, Stranger } from "./cluster.ts";

/** Their places in these lists are what the scripts count with. */
const ROOMS: readonly Room[] = ["open", "spare", "drained", "closed"];
const HOLDINGS: readonly Holding[] = ["none", "some", "all"];

/** `key` gives the name of a group among nodes. */
export function cardText(card: Card, node: NodeId, key: (group: string) => string): string {
  return JSON.stringify({
    n: node,
    r: ROOMS.indexOf(card.room),
    l: card.levels.map((level) => [key(level.key), level.proximity]),
    s: [...card.swarms].map(([swarm, holding]) => [swarm, HOLDINGS.indexOf(holding)]),
    ...(card.region === undefined ? {} : { g: [card.region.name, ...card.region.barred] }),
  });
}

function memberOf(id: unknown, text: unknown): (Stranger & { card: Card }) | undefined {
  const fields = fieldsOf(text);
  if (fields === undefined || !isPeerId(id)) return undefined;
  const { n: node, r, l, s, g } = fields;
  const room = ROOMS[Number(r)];
  const levels = listOf(l, levelOf);
  const swarms = listOf(s, seatOf);
  const region = g === undefined ? undefined : regionOf(g);
  if (typeof node !== "string" || room === undefined) return undefined;
  if (levels === undefined || swarms === undefined) return undefined;
  return { id, node, card: { levels, region, room, swarms: new Map(swarms) } };
}

/** What the script that draws replies. `levels`: whoever wishes, in the words of the cards. */
export function sampleOf(reply: unknown, levels: Sample["levels"]): Sample | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [numbers, drawn] = reply as unknown[];
  if (!Array.isArray(numbers) || !Array.isArray(drawn)) return undefined;
  const counts: { peers: number; holders: number }[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    counts.push({ peers: Number(numbers[at]), holders: Number(numbers[at + 1]) });
  }
  const members: Sample["members"][number][] = [];
  for (let at = 0; at < drawn.length; at += 2) {
    const member = memberOf(drawn[at], drawn[at + 1]);
    if (member !== undefined) members.push(member);
  }
  return { counts, levels, members };
}

export function lettersText(from: NodeId, letters: readonly Letter[]): string {
  return JSON.stringify({ from, letters });
}

/** Leaves out what it does not understand. */
export function lettersOf(text: string): { from: NodeId; letters: readonly Letter[] } {
  const { from, letters } = fieldsOf(text) ?? {};
  if (typeof from !== "string" || !Array.isArray(letters)) return { from: "", letters: [] };
  return {
    from,
    letters: letters.map(letterOf).filter((letter) => letter !== undefined),
  };
}

function letterOf(value: unknown): Letter | undefined {
  if (!isFields(value)) return undefined;
  const { type, session, peer } = value;
  switch (type) {
    case "parted": {
      const from = listOf(value.from, (id) => (isPeerId(id) ? id : undefined));
      return isPeerId(peer) && from !== undefined ? { type, peer, from } : undefined;
    }
    case "accused": {
      const { household } = value;
      const isWhole = isPeerId(peer) && typeof household === "string";
      return isWhole ? { type, peer, household } : undefined;
    }
    case "replaced":
      return isPeerId(peer) ? { type, peer } : undefined;
  }
  if (!isSessionId(session)) return undefined;
  switch (type) {
    case "introduce": {
      const { to, from, proximity, alone } = value;
      if (!isPeerId(to) || !isPeerId(from) || !isProximity(proximity)) return undefined;
      return { type, session, to, from, proximity, alone: alone === true };
    }
    case "signal": {
      const signal = signalOf(value.signal);
      return signal === undefined ? undefined : { type, session, signal };
    }
    case "ended": {
      const { outcome } = value;
      const isKnown =
        outcome === "linked" ||
        outcome === "failed" ||
        outcome === "declined" ||
        outcome === "refused";
      return isKnown ? { type, session, outcome } : undefined;
    }
    case "gone":
      return { type, session };
    default:
      return undefined;
  }
}

function levelOf(value: unknown): Level | undefined {
  if (!Array.isArray(value)) return undefined;
  const [key, proximity] = value as unknown[];
  return typeof key === "string" && isProximity(proximity) ? { key, proximity } : undefined;
}

function seatOf(value: unknown): [string, Holding] | undefined {
  if (!Array.isArray(value)) return undefined;
  const [swarm, at] = value as unknown[];
  const holding = HOLDINGS[Number(at)];
  return typeof swarm === "string" && holding !== undefined ? [swarm, holding] : undefined;
}

function regionOf(value: unknown): Region | undefined {
  const names = listOf(value, (name) => (typeof name === "string" ? name : undefined));
  const [name, ...barred] = names ?? [];
  return name === undefined ? undefined : { name, barred: new Set(barred) };
}

/** All or nothing. */
function listOf<Item>(
  value: unknown,
  itemOf: (value: unknown) => Item | undefined,
): Item[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map(itemOf).filter((item) => item !== undefined);
  return items.length === value.length ? items : undefined;
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function fieldsOf(text: unknown): Fields | undefined {
  try {
    const value: unknown = JSON.parse(String(text));
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
