// The big download: one button, one bar, one sentence. Can be stopped and resumed, also after a reload, because what has
// arrived is kept by Shoal; when it is complete it can be saved as a file.

import { existing } from "../element.ts";
import type { Item } from "../facts.ts";
import { read } from "../reading.ts";
import type { Fetch } from "../shoal.ts";
import { bytesInWords } from "../words.ts";

export function download(item: Item, fetch: Fetch): void {
  const button = existing("download", HTMLButtonElement);
  const progress = existing("download-progress", HTMLProgressElement);
  const report = existing("download-report", HTMLElement);
  const save = existing("download-save", HTMLAnchorElement);
  progress.max = item.size;
  button.textContent = `Download ${bytesInWords(item.size)}`;
  let running: AbortController | undefined;

  async function begin() {
    const mine = new AbortController();
    running = mine;
    button.textContent = "Stop";
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    let isDone = false;
    try {
      const blob = await read(fetch, item.url, {
        signal: mine.signal,
        progress: (bytes) => {
          progress.value = bytes;
          const rate = bytesInWords(Math.round(bytes / seconds()));
          report.textContent = `${bytesInWords(bytes)} of ${bytesInWords(item.size)}, ${rate} a second`;
        },
      });
      report.textContent = `Complete: ${bytesInWords(item.size)} in ${seconds().toFixed(1)} s.`;
      URL.revokeObjectURL(save.href);
      save.href = URL.createObjectURL(blob);
      save.hidden = false;
      isDone = true;
    } catch {
      report.textContent = mine.signal.aborted
        ? "Stopped. What has arrived is kept: resume when you like."
        : "Neither the origin nor a neighbour could give the rest. What has arrived is kept.";
    }
    running = undefined;
    button.textContent = isDone ? "Download again" : "Resume";
  }
  button.addEventListener("click", () => {
    if (running === undefined) void begin();
    else running.abort();
  });
}
