// Bytes a second over the last minute, stacked by source, of all visitors here together. uPlot draws; this keeps the minute
// and the colours, which are the page's own and change with it.

import uPlot from "uplot";
import { element } from "../element.ts";
import { REPORT_MS } from "../report.ts";

const SAMPLES = 60_000 / REPORT_MS;
const HEIGHT = 132;
/** From below: what came from neighbours stands on the ground, the origin's share on top. */
const SOURCES = [
  ["peers", "from neighbours"],
  ["origin", "from the origin"],
] as const;

export interface Traffic {
  readonly root: HTMLElement;
  /** One more sample, in bytes a second. */
  add(rates: { readonly peers: number; readonly origin: number }): void;
}

export function traffic(): Traffic {
  const root = element("div", { class: "chart", role: "img" });
  const colour = (name: string): string => getComputedStyle(root).getPropertyValue(`--${name}`);
  const times = Array.from({ length: SAMPLES }, (_, at) => ((at - SAMPLES + 1) * REPORT_MS) / 1000);
  const rates: Record<"peers" | "origin", number[]> = {
    peers: Array(SAMPLES).fill(0),
    origin: Array(SAMPLES).fill(0),
  };
  const axis = { stroke: () => colour("quiet"), font: "12px system-ui, sans-serif" };
  const grid = { stroke: () => colour("line"), width: 1 };
  const plot = new uPlot(
    {
      width: 300,
      height: HEIGHT,
      cursor: { show: false },
      legend: { show: false },
      scales: { x: { time: false }, y: { range: (_plot, _least, most) => [0, Math.max(1, most)] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 26,
          values: (_plot, ticks) => ticks.map(secondsAgo),
        },
        { ...axis, grid, size: 42, space: 34, values: (_plot, ticks) => ticks.map(String) },
      ],
      series: [
        {},
        // The sum is drawn first, and what stands below it over it.
        ...[...SOURCES].reverse().map(([name]) => ({
          stroke: () => colour(name),
          fill: () => colour(name),
          width: 1,
          points: { show: false },
        })),
      ],
    },
    stacked(times, rates),
    root,
  );
  new ResizeObserver(() => plot.setSize({ width: root.clientWidth, height: HEIGHT })).observe(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw());

  return {
    root,
    add(now) {
      for (const [name] of SOURCES) {
        rates[name].push(now[name] / 1e6);
        rates[name].shift();
      }
      if (document.visibilityState === "visible") plot.setData(stacked(times, rates));
      const most = Math.max(...rates.peers).toFixed(1);
      root.setAttribute(
        "aria-label",
        `Megabytes a second over the last minute, by source. At most ${most} from neighbours, ` +
          `${Math.max(...rates.origin).toFixed(1)} from the origin.`,
      );
    },
  };
}

function stacked(
  times: readonly number[],
  { peers, origin }: Readonly<Record<"peers" | "origin", readonly number[]>>,
): uPlot.AlignedData {
  return [[...times], peers.map((value, at) => value + (origin[at] ?? 0)), [...peers]];
}

const secondsAgo = (seconds: number): string => (seconds === 0 ? "now" : `${seconds} s`);
