// The demo's page: finds the client that the script tag started, and hands it to the panels. Nothing but wiring; without
// Shoal the same page works from the origin alone, and says so.

import { existing } from "./element.ts";
import { facts } from "./facts.ts";
import { clientPanel } from "./panels/client-panel.ts";
import { download } from "./panels/download.ts";
import { film } from "./panels/film.ts";
import { gallery } from "./panels/gallery.ts";
import { originPanel } from "./panels/origin-panel.ts";
import { visitors } from "./panels/visitors.ts";
import { fetchOf, runningClient } from "./shoal.ts";

const { controls, items } = facts();
const client = runningClient();
const fetch = fetchOf(client);

if (client === undefined) {
  existing("missing", HTMLElement).hidden = false;
  existing("swarm", HTMLElement).hidden = true;
  existing("add-visitor", HTMLButtonElement).disabled = true;
} else {
  existing("you", HTMLElement).replaceChildren(clientPanel(client, items));
}

originPanel(controls);
gallery(
  existing("photos", HTMLElement),
  items.filter(({ kind }) => kind === "photo"),
  fetch,
);
for (const item of items) {
  if (item.kind === "film") film(item, fetch);
  if (item.kind !== "download") continue;
  const big = download(item, fetch);
  // Somebody must have the file before it can be passed on.
  if (client !== undefined) visitors(() => big.ensure());
}
