// The part of the work that peers can do: what they hold is asked of them, the rarest or the soonest missed first.

import type { Draft } from "./draft.ts";
import { areTooSlow, type Sources } from "./sources.ts";
import type { LinkView, WantView } from "./view.ts";

/** Chunks before the reading position that go before the rarest: for a download, and for who plays as it comes. */
const URGENT_CHUNKS = 2;
const STREAM_URGENT_CHUNKS = 16;

interface Held {
  readonly index: number;
  readonly holders: number;
}

/** Asks peers for what they hold; returns what is the origin's to give, in reading order. */
export function askPeers(
  draft: Draft,
  want: WantView,
  sources: Sources,
  missing: readonly number[],
): number[] {
  const { id } = want.content;
  const { standing, usable } = sources;
  const unheld: number[] = [];
  const held: Held[] = [];
  for (const index of missing) {
    let holders = 0;
    for (const link of standing) if (link.has(id, index)) holders++;
    if (holders === 0) unheld.push(index);
    else held.push({ index, holders });
  }
  if (held.length === 0) return unheld;
  const left: number[] = [];
  for (const { index } of inOrder(want, held)) {
    const best: LinkView | undefined = draft.quickest(usable, want, index);
    if (best === undefined) left.push(index);
    else draft.request(best, want, index);
  }
  if (left.length === 0 || !areTooSlow(draft, want, sources)) return unheld;
  return [...unheld, ...left].sort((one, other) => one - other);
}

function inOrder(want: WantView, held: readonly Held[]): readonly Held[] {
  if (want.kind === "asset") return held;
  const urgent = want.position + (want.kind === "bulk" ? URGENT_CHUNKS : STREAM_URGENT_CHUNKS);
  const soonest = ({ index }: Held): number => Math.min(index, urgent);
  return [...held].sort(
    (one, other) =>
      soonest(one) - soonest(other) ||
      one.holders - other.holders ||
      startDistance(want, one.index) - startDistance(want, other.index),
  );
}

/** How far after our own starting place a chunk lies, going round. */
export function startDistance({ content, start, kind }: WantView, index: number): number {
  if (kind !== "bulk") return index;
  return (index - start + content.chunkCount) % content.chunkCount;
}
