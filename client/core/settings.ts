// What a local peer is told once and for all: by the page's options, or by a scenario.

import type { CatalogueNeeds } from "./catalogue/catalogue.ts";
import type { ByteCount } from "./vocabulary.ts";

export interface LocalPeerSettings
  extends Pick<CatalogueNeeds, "published" | "site" | "attest" | "pinnedKeys"> {
  /** `null`: no tracker, and so no peers. */
  readonly trackerUrl: string | null;
  readonly manifestUrl: string;
  /** Where the assets are to be had as well; URLs without a slash at the end. */
  readonly origins: readonly string[];
  readonly region: string | null;
  readonly token: string | null;
  /** Known a moment later: the browser is asked for its quota. */
  readonly cacheBytes: Promise<ByteCount>;
  /** What of it may stay in memory as well; 32 MiB unless said otherwise. */
  readonly hotBytes?: ByteCount;
  readonly upload: boolean;
  readonly uploadSessionBytes: ByteCount;
  readonly uploadBytesPerSecond: ByteCount;
  readonly consent: "granted" | "ask" | "denied";
}
