// The demo's page: finds the client that the script tag started, and hands it to the panels. Nothing but wiring; without
// Shoal the same page works from the origin alone, and says so.

import { existing } from "./element.ts";
import { type Facts, facts } from "./facts.ts";
import { chunkMap } from "./panels/chunk-map.ts";
import { diagnosis } from "./panels/diagnosis.ts";
import { download } from "./panels/download.ts";
import { gallery } from "./panels/gallery.ts";
import { ledger } from "./panels/ledger.ts";
import { mesh } from "./panels/mesh.ts";
import { neighbours } from "./panels/neighbours.ts";
import { sky } from "./panels/sky.ts";
import { stream } from "./panels/stream.ts";
import { type ServerState, switches } from "./panels/switches.ts";
import { traffic } from "./panels/traffic.ts";
import { visitors } from "./panels/visitors.ts";
import { REPORT_MS, reporting } from "./report.ts";
import { fetchOf, runningClient } from "./shoal.ts";
import { Swarm } from "./swarm.ts";

const FILM_SEGMENTS = 15;
const LIVE_CELLS = 18;

const known = facts();
const client = runningClient();
const fetch = fetchOf(client);
const { items } = known;

let server: ServerState | undefined;
/** What the origin had sent before this page was opened. */
let sentBefore = 0;
switches(known.controls, (state) => {
  if (server === undefined) sentBefore = state.bytes;
  server = state;
});

if (client === undefined) {
  existing("missing", HTMLElement).hidden = false;
  for (const part of document.querySelectorAll<HTMLElement>("[data-needs-shoal]"))
    part.hidden = true;
} else {
  watch(client, known);
}

stream({ name: "live", playlist: known.live, cells: LIVE_CELLS }, client);
stream({ name: "film", playlist: known.film, cells: FILM_SEGMENTS }, client);
sky(known.sky, fetch);
gallery(
  existing("photos", HTMLElement),
  items.filter(({ kind }) => kind === "photo"),
  fetch,
);
for (const item of items) if (item.kind === "download") download(item, fetch);

function watch(yours: NonNullable<typeof client>, { regions }: Facts): void {
  const swarm = new Swarm();
  swarm.came({ id: 0, name: "You", region: 0, behaviour: "honest" });
  reporting(yours, (report) => swarm.heard(0, report, performance.now()));

  const picture = mesh(regions);
  existing("mesh", HTMLElement).append(picture.root);
  const chart = traffic();
  existing("traffic", HTMLElement).append(chart.root);
  const books = ledger();
  const links = neighbours();
  const maps = [
    chunkMap(
      "The download",
      items.filter(({ kind }) => kind === "download"),
    ),
    chunkMap(
      "The photographs",
      items.filter(({ kind }) => kind === "photo"),
    ),
  ];
  existing("maps", HTMLElement).append(...maps.map(({ root }) => root));
  yours.on("chunk", (chunk) => {
    for (const map of maps) map.came(chunk);
  });
  diagnosis(yours);

  setInterval(() => {
    picture.draw(swarm, { isOn: server?.isOn ?? true });
    chart.add(swarm.rates);
    books.write(swarm, (server?.bytes ?? 0) - sentBefore);
    links(swarm);
  }, REPORT_MS);

  const add = visitors(swarm, known);
  // Somebody is there already, as on any page that people read; `?alone` is for those who want to see it from the start.
  if (!new URLSearchParams(location.search).has("alone")) add();
}
