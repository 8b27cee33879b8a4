// One line of progress on a terminal, redrawn in place. Silent when the output is not a terminal, so that logs stay
// readable. Knows nothing of what is being counted but bytes and files.

import type { Writable } from "node:stream";
import type { PublishProgress } from "./publish.ts";

export interface ProgressBar {
  show(progress: PublishProgress): void;
  /** Leaves the line empty for whatever is printed next. */
  clear(): void;
}

/** Ten redraws a second look steady and cost nothing; every chunk would be hundreds. */
const REDRAW_MS = 100;
const BAR_WIDTH = 24;
const DEFAULT_COLUMNS = 80;

export function progressBar(
  terminal: Writable & { readonly isTTY?: boolean; readonly columns?: number },
  now: () => number,
): ProgressBar {
  if (terminal.isTTY !== true) return { show: () => {}, clear: () => {} };
  const started = now();
  let drawnAt = Number.NEGATIVE_INFINITY;
  let isDrawn = false;
  return {
    show(progress) {
      const at = now();
      if (at - drawnAt < REDRAW_MS) return;
      drawnAt = at;
      isDrawn = true;
      const line = progressLine(progress, (at - started) / 1000);
      terminal.write(`\r\u001b[K${line.slice(0, (terminal.columns ?? DEFAULT_COLUMNS) - 1)}`);
    },
    clear() {
      if (isDrawn) terminal.write("\r\u001b[K");
      isDrawn = false;
    },
  };
}

function progressLine(progress: PublishProgress, seconds: number): string {
  const { bytes, totalBytes, files, totalFiles } = progress;
  const share = totalBytes > 0 ? Math.min(1, Math.max(0, bytes / totalBytes)) : 1;
  const full = Math.round(share * BAR_WIDTH);
  const bar = "#".repeat(full) + "-".repeat(BAR_WIDTH - full);
  const rate = seconds > 0 ? bytes / seconds : 0;
  return (
    `[${bar}] ${Math.floor(share * 100)} %  ${bytesInWords(bytes)} of ${bytesInWords(totalBytes)}` +
    `  ${files} of ${totalFiles} files  ${bytesInWords(rate)}/s`
  );
}

/** Three figures are enough to see movement. */
export function bytesInWords(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
