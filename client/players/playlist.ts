// A media playlist (RFC 8216, section 4) as far as it says what comes next: segments by their number, with URL, range and
// length. Pure. Whatever would make a number or a URL a guess makes it no playlist.

export interface Segment {
  /** Absolute; `null`: there is a hole, and nothing to load. */
  readonly url: string | null;
  /** As a `Range` header has it; `null`: the whole. */
  readonly range: string | null;
  readonly seconds: number;
}

export interface Playlist {
  readonly url: string;
  /** The number of the first segment. */
  readonly first: number;
  readonly segments: readonly Segment[];
  /** It will not change any more. */
  readonly ended: boolean;
}

/** A day of two-second segments has under 4 MiB; what is longer is not looked at. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

/** `null`: none, or one that is written in a way that only the player understands. Throws `TypeError` at a URL that is none. */
export function parsePlaylist(text: string, url: string): Playlist | null {
  if (!text.startsWith("#EXTM3U") || text.length > MOST_CHARACTERS) return null;
  const segments: Segment[] = [];
  let first = 0;
  let ended = false;
  let seconds = 0;
  let range: string | null = null;
  /** Where the range before ends: the next one may begin there without saying so. */
  let end = 0;
  let gap = false;
  for (const line of text.split("\n")) {
    const [, tag = "", value = ""] = /^(#[A-Z0-9-]+|):?(.*)$/.exec(line.trim()) ?? [];
    if (tag === "#EXT-X-SKIP" || tag === "#EXT-X-DEFINE") return null;
    if (tag === "#EXT-X-MEDIA-SEQUENCE") first = Number(value);
    else if (tag === "#EXT-X-ENDLIST") ended = true;
    else if (tag === "#EXTINF") seconds = Number.parseFloat(value);
    else if (tag === "#EXT-X-GAP") gap = true;
    else if (tag === "#EXT-X-BYTERANGE") {
      const [length = "", offset = end] = value.split("@");
      end = Number(offset) + Number(length);
      range = `bytes=${Number(offset)}-${end - 1}`;
    } else if (tag === "" && value !== "" && !value.startsWith("#")) {
      segments.push({ url: gap ? null : new URL(value, url).href, range, seconds });
      range = null;
      gap = false;
    }
  }
  const isSound = Number.isSafeInteger(first) && segments.every((one) => one.seconds >= 0);
  return isSound ? { url, first, segments, ended } : null;
}
