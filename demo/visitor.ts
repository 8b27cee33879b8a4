// A visitor in a frame: a client made by hand with a store of its own. Follows the channel, looks at the photographs, takes
// the download, as anybody would who opened the page; some are made to lie or to be silent. Tells the page around it
// what it sees, and leaves when its frame does.

import { createClient } from "../client/index.ts";
import { BEHAVIOURS, misbehave } from "./behaviour.ts";
import { element, existing } from "./element.ts";
import { facts } from "./facts.ts";
import { clientPanel } from "./panels/client-panel.ts";
import { read } from "./reading.ts";
import { reporting, tellParent } from "./report.ts";
import { type Fetch, fetchOf } from "./shoal.ts";

const { controls, items, live, manifest, page: around } = facts();

/** A little over half a segment: nothing is missed, and nobody is asked twice for the same. */
const PLAYLIST_MS = 1200;
/** As players do: not at the very edge, where nobody has anything yet. */
const BACK = 3;

/** Segments as they appear, without a picture: nine players would be too much for one computer. */
async function follow(fetchBytes: Fetch): Promise<void> {
  const seen = new Set<string>();
  for (;;) {
    try {
      const playlist = await (await fetch(live)).text();
      const names = playlist.split("\n").filter((line) => line.endsWith(".m4s"));
      for (const name of names.slice(-BACK)) {
        if (seen.has(name)) continue;
        seen.add(name);
        await read(fetchBytes, new URL(name, live).href);
      }
    } catch {
      // The origin is off, or this segment could not be had: the channel goes on.
    }
    await new Promise((resolve) => setTimeout(resolve, PLAYLIST_MS));
  }
}

async function look(fetchBytes: Fetch, strip: HTMLElement): Promise<void> {
  for (const item of items) {
    try {
      const blob = await read(fetchBytes, item.url);
      if (item.kind !== "photo") continue;
      strip.append(element("img", { src: URL.createObjectURL(blob), alt: item.title }));
    } catch {
      // The map shows what is missing; the rest is tried all the same.
    }
  }
}

function visit(): void {
  const page = existing("visitor", HTMLElement);
  const asked = new URLSearchParams(location.search);
  page.setAttribute("aria-label", `Visitor ${Number(asked.get("visitor")) + 1}`);
  misbehave(BEHAVIOURS.find((known) => known === asked.get("behaviour")) ?? "honest");
  const door = `${controls.replace(/^http/, "ws")}/door/${asked.get("region")}/${asked.get("visitor")}`;
  // From the package, as a site does that bundles it.
  const client = createClient({ tracker: door, manifest, storage: "memory" });
  window.addEventListener("pagehide", () => void client.close());
  reporting(client, (report) => tellParent(report, around));
  const strip = element("p", { class: "strip" });
  page.replaceChildren(clientPanel(client, items), strip);
  const fetchBytes = fetchOf(client);
  void follow(fetchBytes);
  void look(fetchBytes, strip);
}

visit();
