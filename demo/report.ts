// What one visitor tells the page about itself, twice a second: its client's own numbers and events, nothing else. The page
// reports to itself in the same way; frames do it by message.

import type { Client, ClientEvents, ClientStats } from "../client/index.ts";

export interface Report {
  readonly stats: ClientStats;
  /** Since the last report. */
  readonly chunks: readonly ClientEvents["chunk"][];
  /** Since the last report: peers that broke the protocol. */
  readonly violations: readonly ClientEvents["violation"][];
}

/** Fast enough to look live, slow enough to be read. */
export const REPORT_MS = 500;

/** Calls `tell` from now on, until undone. */
export function reporting(client: Client, tell: (report: Report) => void): () => void {
  let chunks: ClientEvents["chunk"][] = [];
  let violations: ClientEvents["violation"][] = [];
  client.on("chunk", (chunk) => chunks.push(chunk));
  client.on("violation", (violation) => violations.push(violation));
  const timer = setInterval(() => {
    tell({ stats: client.stats(), chunks, violations });
    chunks = [];
    violations = [];
  }, REPORT_MS);
  return () => clearInterval(timer);
}

/** From a frame to the page around it; other pages hear nothing. */
export function tellParent(report: Report, page: string): void {
  window.parent.postMessage({ shoalDemo: report }, page);
}

/** What this frame tells. Anything else that may be posted here is none of our business. */
export function hearFrame(frame: HTMLIFrameElement, heard: (report: Report) => void): () => void {
  const listen = ({ origin, source, data }: MessageEvent<unknown>) => {
    if (source !== frame.contentWindow || origin !== new URL(frame.src).origin) return;
    if (typeof data !== "object" || data === null || !("shoalDemo" in data)) return;
    // From our own frame, in the shape that `tellParent` gave it.
    heard(data.shoalDemo as Report);
  };
  addEventListener("message", listen);
  return () => removeEventListener("message", listen);
}
