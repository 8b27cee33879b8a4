// The film: fetched through Shoal when the visitor wants it, then played from what was fetched. Owns its button and its
// place on the page.

import { existing } from "../element.ts";
import type { Item } from "../facts.ts";
import { read } from "../reading.ts";
import type { Fetch } from "../shoal.ts";
import { bytesInWords } from "../words.ts";
import { creditLine } from "./credit.ts";

export function film(item: Item, fetch: Fetch): void {
  const video = existing("film", HTMLVideoElement);
  const button = existing("film-play", HTMLButtonElement);
  const label = existing("film-label", HTMLElement);
  const progress = existing("film-progress", HTMLProgressElement);
  existing("film-caption", HTMLElement).append(item.title, creditLine(item));
  const offer = `Play the film, ${bytesInWords(item.size)}`;
  label.textContent = offer;

  async function play() {
    button.disabled = true;
    progress.hidden = false;
    progress.max = item.size;
    try {
      const blob = await read(fetch, item.url, {
        progress: (bytes) => {
          progress.value = bytes;
          label.textContent = `${bytesInWords(bytes)} of ${bytesInWords(item.size)}`;
        },
      });
      video.src = URL.createObjectURL(blob);
      button.hidden = true;
      await video.play();
    } catch (error) {
      // Sound on is our choice, so is the browser's to wait for a second click.
      if (error instanceof DOMException && error.name === "NotAllowedError") return;
      button.hidden = false;
      button.disabled = false;
      label.textContent =
        error instanceof DOMException && error.name === "NotSupportedError"
          ? "This browser cannot play H.264"
          : `Could not be fetched. ${offer}`;
    } finally {
      progress.hidden = true;
    }
  }
  button.addEventListener("click", () => void play());
}
