// What to do now: a pure function of what is wanted, who is linked and how the origin does. Touches nothing, waits
// for nothing; whoever performs its actions calls it again after every event and at `wakeAt`.
//
// 1. Peers before the origin; never two sources for one chunk, but for the hedge, the relief and the end-game. I3
// 2. Bulk takes the rarest first, what the page waits for before everything; streams take what is near in order, small
//    assets all of it.
// 3. A chunk nobody holds is read from the origin by whom the ranking names; the others step in by rank, but in a crowd after
//    bulk only when peers bring nothing. Two who read the same by accident part: the ranking says who goes on.
// 4. While links are still being made, the origin is read only a little, and at different places; what the page does not
//    miss yet waits for them.
// 5. A silent peer loses its work within about a second, a busy one is waited for; in such a crowd, what only it holds is
//    left to it for a while. Slow peers are helped by the origin, and a slow origin by peers.

import { Draft } from "./draft.ts";
import { endGame, hedge, relieve } from "./hedge.ts";
import { readFromOrigin, tendRuns } from "./origin-share.ts";
import { askPeers } from "./share.ts";
import { sourcesOf } from "./sources.ts";
import type { Plan, PlanView, WantView } from "./view.ts";

export function plan(view: PlanView): Plan {
  const draft = new Draft(view);
  for (const link of view.links) {
    if (!link.ready) continue;
    if (draft.isSilent(link)) {
      // Once a silence: it goes on, and may end, while the link rests.
      if (draft.isPast(link.restUntil)) draft.actions.push({ do: "rest", peer: link.id });
    } else if (link.openRequests > 0) {
      draft.wake(view.now - link.silentFor(view.now) + link.patience + view.late);
    }
  }
  for (const want of view.wants) planWant(draft, want);
  return { actions: draft.actions, wakeAt: draft.wakeAt };
}

function planWant(draft: Draft, want: WantView): void {
  const sources = sourcesOf(draft, want);
  tendRuns(draft, want, sources);
  const missing: number[] = [];
  for (let index = want.position; index < want.until; index++) {
    if (!want.has(index) && want.flights(index).length === 0) missing.push(index);
  }
  const open = askPeers(draft, want, sources, missing);
  readFromOrigin(draft, want, sources, open);
  relieve(draft, want, sources);
  hedge(draft, want);
  if (want.kind !== "asset" && missing.length === 0) endGame(draft, want, sources);
}
