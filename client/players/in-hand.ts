// How long a page's players can go on without a fragment: read off their buffers, because hls.js does not tell its loaders
// which player they work for. Where several play, the one with the least in hand speaks for all: that only makes the others
// more careful. Owns nothing.

type Seconds = number;

/** Gaps that players jump over (hls.js's `maxBufferHole` and its nudges). */
const HOLE: Seconds = 0.5;

/** What is needed of a media element. */
export interface Player {
  readonly currentTime: Seconds;
  readonly playbackRate: number;
  readonly buffered: Pick<TimeRanges, "length" | "start" | "end">;
}

/** Seconds until what begins at `start`, on the timeline of the film, is missed; 0 when nothing is known of any player. */
export function secondsBefore(start: Seconds, players: readonly Player[]): Seconds {
  return least(players, (player) => Math.min(shownUntil(player), start));
}

/** The same for what comes behind a fragment that was handed over just now, and may not be in the buffer yet. */
export function secondsBehind(
  { start, duration }: { readonly start: Seconds; readonly duration: Seconds },
  players: readonly Player[],
): Seconds {
  return least(players, (player) => {
    const until = shownUntil(player);
    return start <= until + HOLE ? Math.max(until, start + duration) : until;
  });
}

function least(players: readonly Player[], until: (player: Player) => Seconds): Seconds {
  const seconds = players.map(
    (player) => (until(player) - player.currentTime) / Math.max(1, player.playbackRate),
  );
  return players.length === 0 ? 0 : Math.max(0, Math.min(...seconds));
}

/** The end of what can be shown without another fragment; where it stands, if that is nothing. */
function shownUntil({ buffered, currentTime }: Player): Seconds {
  for (let n = 0; n < buffered.length; n++) {
    const end = buffered.end(n);
    if (buffered.start(n) <= currentTime + HOLE && end > currentTime) return end;
  }
  return currentTime;
}

/** Elements that a script feeds; players keep them in shadow roots at times, which are looked into if there is no other. */
export function playersIn(root: ParentNode | undefined): Player[] {
  const fed = [...(root?.querySelectorAll<HTMLMediaElement>("video,audio") ?? [])].filter(
    ({ currentSrc, ended }) => currentSrc.startsWith("blob:") && !ended,
  );
  if (root === undefined || fed.length > 0) return fed;
  return [...root.querySelectorAll("*")].flatMap(({ shadowRoot }) =>
    playersIn(shadowRoot ?? undefined),
  );
}
