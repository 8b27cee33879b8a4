// The big download: one button, one bar, one sentence of result. Can be begun by others, for whom it is there: a new
// visitor needs somebody to get the file from.

import { existing } from "../element.ts";
import type { Item } from "../facts.ts";
import { read } from "../reading.ts";
import type { Fetch } from "../shoal.ts";
import { bytesInWords } from "../words.ts";

export interface Download {
  /** Begins unless it is under way or done. */
  ensure(): void;
}

export function download(item: Item, fetch: Fetch): Download {
  const button = existing("download", HTMLButtonElement);
  const progress = existing("download-progress", HTMLProgressElement);
  const report = existing("download-report", HTMLElement);
  progress.max = item.size;
  button.textContent = `Download ${bytesInWords(item.size)}`;
  let running: AbortController | undefined;
  let isDone = false;

  async function begin() {
    const mine = new AbortController();
    running = mine;
    button.textContent = "Stop";
    const started = performance.now();
    try {
      await read(fetch, item.url, {
        signal: mine.signal,
        progress: (bytes) => {
          progress.value = bytes;
          const seconds = (performance.now() - started) / 1000;
          report.textContent = `${bytesInWords(bytes)} of ${bytesInWords(item.size)}, ${bytesInWords(Math.round(bytes / seconds))} a second`;
        },
      });
      const seconds = (performance.now() - started) / 1000;
      report.textContent = `Complete: ${bytesInWords(item.size)} in ${seconds.toFixed(1)} s.`;
      isDone = true;
    } catch {
      report.textContent = mine.signal.aborted
        ? "Stopped. What has arrived is kept."
        : "Neither the origin nor a neighbour could give the rest.";
    } finally {
      running = undefined;
      button.textContent = isDone ? "Download again" : "Download";
    }
  }
  button.addEventListener("click", () => {
    if (running === undefined) void begin();
    else running.abort();
  });
  return {
    ensure() {
      if (running === undefined && !isDone) void begin();
    },
  };
}
