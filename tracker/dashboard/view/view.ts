// The operator's page: asks the tracker for its last hour every five seconds and draws it. Knows nothing that the tracker
// does not say in sums.

import uPlot from "uplot";
import type { DashboardData } from "../history.ts";

const REFRESH_MS = 5000;
/** Minutes, up to now. */
const LEAST_SPAN = -5;
const HEIGHT = 180;

const find = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no ${id}.`);
  return found;
};
const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
const regionColour = (at: number): string => colour(`region-${at % 7}`);
const megabytes = (bytes: number): string =>
  bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;

/** Lines over the hour that can get more and fewer series; regions keep their colour while they are there. */
class Chart {
  readonly #room: HTMLElement;
  readonly #most: number | undefined;
  #plot: uPlot | undefined;
  #names: readonly string[] = [];

  constructor(id: string, most?: number) {
    this.#room = find(id);
    this.#room.setAttribute("role", "img");
    this.#most = most;
    new ResizeObserver(() => this.#plot?.setSize(this.#size)).observe(this.#room);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
      this.#plot?.redraw(),
    );
  }

  draw(minutes: readonly number[], series: ReadonlyMap<string, readonly (number | null)[]>): void {
    const names = [...series.keys()];
    const data = [[...minutes], ...[...series.values()].map((values) => [...values])] as const;
    if (this.#plot === undefined || names.join("\n") !== this.#names.join("\n")) {
      this.#plot?.destroy();
      this.#names = names;
      this.#plot = new uPlot(
        this.#options(names),
        data as unknown as uPlot.AlignedData,
        this.#room,
      );
    } else this.#plot.setData(data as unknown as uPlot.AlignedData);
    const latest = names.map((name) => `${name} ${series.get(name)?.at(-1)?.toFixed(1) ?? "none"}`);
    this.#room.setAttribute(
      "aria-label",
      `Over the last hour; now: ${latest.join(", ") || "nothing"}`,
    );
  }

  get #size() {
    return { width: Math.max(200, this.#room.clientWidth), height: HEIGHT };
  }

  #options(names: readonly string[]): uPlot.Options {
    const axis = { stroke: () => colour("quiet"), font: "12px system-ui, sans-serif" };
    const grid = { stroke: () => colour("line"), width: 1 };
    const most = this.#most;
    return {
      ...this.#size,
      cursor: { show: false },
      legend: { show: false },
      scales: {
        // A tracker that has just started fills its charts as well as one that has run all day.
        x: { time: false, range: (_plot, oldest) => [Math.min(LEAST_SPAN, Math.floor(oldest)), 0] },
        y: { range: (_plot, _low, high) => [0, most ?? Math.max(1, high * 1.1)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 26,
          values: (_plot, ticks) => ticks.map((tick) => `${tick} min`),
        },
        { ...axis, grid, size: 44 },
      ],
      series: [
        {},
        ...names.map((_name, at) => ({
          stroke: () => regionColour(at),
          width: 2,
          // A sample between two in which nothing happened has no line to be on.
          points: { show: true, size: 3 },
          spanGaps: true,
        })),
      ],
    };
  }
}

const charts = {
  peers: new Chart("peers"),
  bytes: new Chart("bytes"),
  offload: new Chart("offload", 100),
  links: new Chart("links", 100),
};

/** Regions of all samples, in the order they first appear: a colour is a place. */
function byRegion(
  samples: DashboardData["samples"],
  values: (sample: DashboardData["samples"][number]) => Readonly<Record<string, number>>,
  scale: number,
): Map<string, number[]> {
  const names = new Set(samples.flatMap((sample) => Object.keys(values(sample))));
  return new Map(
    [...names].map((name) => [name, samples.map((sample) => (values(sample)[name] ?? 0) * scale)]),
  );
}

function legend(id: string, names: Iterable<string>): void {
  const items = [...names].map((name, at) => {
    const item = document.createElement("li");
    item.textContent = name;
    item.style.setProperty("--mark", `var(--region-${at % 7})`);
    return item;
  });
  find(id).replaceChildren(...items);
}

function list(id: string, lines: readonly (readonly [name: string, value: string])[]): void {
  const items = lines.map(([name, value]) => {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    row.append(term, text);
    return row;
  });
  find(id).replaceChildren(...items);
}

function show({ samples, sampleMs, totals, operation }: DashboardData): void {
  const minutes = samples.map(({ ageMs }) => -ageMs / 60_000);
  const peers = byRegion(samples, (sample) => sample.peers, 1);
  const bytes = byRegion(samples, (sample) => sample.peerBytes, 1000 / sampleMs / 1e6);
  charts.peers.draw(minutes, peers);
  charts.bytes.draw(minutes, bytes);
  legend("peers-legend", peers.keys());
  legend("bytes-legend", bytes.keys());
  const offload = samples.map((sample) => (sample.offload === null ? null : sample.offload * 100));
  charts.offload.draw(minutes, new Map([["offload", offload]]));
  const failed = samples.map(({ links: { made, failed: lost } }) =>
    made + lost === 0 ? null : (lost / (made + lost)) * 100,
  );
  charts.links.draw(minutes, new Map([["failed", failed]]));
  const { linkMs, failures } = operation;
  list("figures", [
    ["peers now", String(totals.peers)],
    ["swarms", String(totals.swarms)],
    ["offload since the start", `${(totals.offload * 100).toFixed(0)} %`],
    ["from neighbours", megabytes(totals.bytes.peers)],
    ["from the origin", megabytes(totals.bytes.origin)],
    ["join time, median", linkMs === null ? "–" : `${linkMs.median} ms`],
    ["join time, 90 %", linkMs === null ? "–" : `${linkMs.p90} ms`],
  ]);
  list("failures", [
    ["A side said that it failed", String(failures.reported)],
    ["Nobody said anything in a minute", String(failures.unanswered)],
    ["One was full", String(failures.declined)],
    ["One left", String(failures.left)],
    ["Links made, for comparison", String(totals.links.made)],
  ]);
  const violations = Object.entries(totals.violations);
  list(
    "violations",
    violations.length === 0
      ? [["None", ""]]
      : violations.map(([code, count]) => [code, String(count)]),
  );
}

async function refresh(): Promise<void> {
  const state = find("state");
  try {
    const response = await fetch("data", { cache: "no-store" });
    if (!response.ok) throw new Error(`The tracker answered ${response.status}.`);
    // From the tracker that this page is from, in this shape.
    show((await response.json()) as DashboardData);
    state.textContent = `As of ${new Date().toLocaleTimeString()}.`;
  } catch (error) {
    state.textContent = `The tracker does not answer; this is the last that is known. ${error instanceof Error ? error.message : ""}`;
  }
}

void refresh();
setInterval(() => {
  if (document.visibilityState === "visible") void refresh();
}, REFRESH_MS);
