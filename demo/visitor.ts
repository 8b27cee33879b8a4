// A visitor in a frame: makes a client by hand with a store of its own, looks at the photographs and takes the download,
// as anybody would who opened the page. Shows what came from where, and leaves when its frame does.

import { element, existing } from "./element.ts";
import { facts } from "./facts.ts";
import { clientPanel } from "./panels/client-panel.ts";
import { read } from "./reading.ts";
import { fetchOf, separateClient } from "./shoal.ts";

const { tracker, items } = facts();
const wanted = items.filter(({ kind }) => kind !== "film");

async function visit() {
  const page = existing("visitor", HTMLElement);
  const client = await separateClient(tracker);
  window.addEventListener("pagehide", () => void client.close());
  const strip = element("p", { class: "strip" });
  page.replaceChildren(clientPanel(client, wanted), strip);
  for (const item of wanted) {
    try {
      const blob = await read(fetchOf(client), item.url);
      if (item.kind !== "photo") continue;
      strip.append(element("img", { src: URL.createObjectURL(blob), alt: item.title }));
    } catch {
      // The map shows what is missing; the rest is tried all the same.
    }
  }
}

visit().catch(() => {
  existing("visitor", HTMLElement).textContent = "Shoal is not loaded, so nobody can visit.";
});
