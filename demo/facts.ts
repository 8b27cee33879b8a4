// What the running demo tells its pages, read once from the element the server put there. The only place that knows
// that element.

export interface Item {
  readonly url: string;
  readonly path: string;
  readonly kind: "photo" | "download";
  readonly title: string;
  readonly credit: string;
  readonly licence: string;
  readonly source: string;
  readonly width: number;
  readonly height: number;
  readonly size: number;
}

export interface Facts {
  /** The origin of the demo's own page. */
  readonly page: string;
  readonly manifest: string;
  /** Where visitors live, each on a site of its own; as many as may be there at once. */
  readonly visitorPages: readonly string[];
  readonly tracker: string;
  /** Where the counters and switches are, and the tracker's other doors. */
  readonly controls: string;
  /** Names; which one is a number below. */
  readonly regions: readonly string[];
  /** Playlists, and the sky. */
  readonly film: string;
  readonly live: string;
  readonly sky: string;
  readonly items: readonly Item[];
}

export function facts(): Facts {
  const text = document.getElementById("facts")?.textContent ?? "";
  // Written by our own server into our own page, in this very shape.
  return JSON.parse(text) as Facts;
}
