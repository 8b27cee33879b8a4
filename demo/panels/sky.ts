// Live public data with a lifetime of five seconds: the sky now. Asks when the last answer is old, shows it, and says who
// gave it.

import { element, existing } from "../element.ts";
import type { Fetch } from "../shoal.ts";

/** As the demo's origin sends it. */
interface Sky {
  readonly at: number;
  readonly sunKm: number;
  readonly moonKm: number;
  readonly moonPhase: number;
  readonly moonLit: number;
  readonly siderealHours: number;
  readonly cities: readonly { readonly name: string; readonly sun: number }[];
}

const LIFETIME_MS = 5000;
/** So that not everybody asks in the same moment. */
const SPREAD_MS = 800;
const RETRY_MS = 2000;

export function sky(url: string, fetchSky: Fetch): void {
  const moon = existing("moon", SVGElement as unknown as new () => HTMLElement);
  const numbers = existing("sky-numbers", HTMLElement);
  const cities = existing("sky-cities", HTMLElement);
  const source = existing("sky-source", HTMLElement);

  async function ask() {
    let next = RETRY_MS;
    try {
      const response = await fetchSky(url);
      if (!response.ok) throw new Error(`The answer was ${response.status}.`);
      // From our own server, in this shape.
      const now = (await response.json()) as Sky;
      show(now);
      source.textContent = `Of ${new Date(now.at).toLocaleTimeString()}, ${giver(response)}. Good for five seconds.`;
      next = Math.max(500, now.at + LIFETIME_MS - Date.now()) + Math.random() * SPREAD_MS;
    } catch {
      source.textContent =
        "Neither the origin nor a neighbour could say; this is the last that is known.";
    }
    setTimeout(() => void ask(), next);
  }

  function show({ sunKm, moonKm, moonPhase, moonLit, siderealHours, cities: list }: Sky) {
    const lines = [
      ["The sun is", `${spaced(sunKm)} km away`],
      ["The moon is", `${spaced(moonKm)} km away`],
      ["Of its disc", `${(moonLit * 100).toFixed(2)} % is lit`],
      ["Greenwich has", `${clockTime(siderealHours)} sidereal time`],
    ] as const;
    numbers.replaceChildren(
      ...lines.map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, value)),
      ),
    );
    moon.setAttribute("d", litShape(moonPhase));
    cities.replaceChildren(
      ...list.map(({ name, sun }) =>
        element(
          "li",
          { "data-light": light(sun) },
          element("span", {}, name),
          element("strong", {}, `${sun.toFixed(1)}°`),
        ),
      ),
    );
  }
  void ask();
}

/** From `Cache-Status`; without one the request was the network's alone. */
function giver(response: Response): string {
  const status = response.headers.get("Cache-Status") ?? "";
  if (status.includes("hit")) return "from your own cache";
  const peers = Number(/peers=(\d+)/.exec(status)?.[1] ?? 0);
  return peers > 0 ? "from a neighbour" : "from the origin";
}

const spaced = (km: number): string => km.toLocaleString("en", { useGrouping: true });

function clockTime(hours: number): string {
  const seconds = Math.floor(hours * 3600);
  const parts = [seconds / 3600, (seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
}

/** Day, the twilight that sailors read a horizon in, or night. */
const light = (altitude: number): string =>
  altitude > 0 ? "day" : altitude > -12 ? "twilight" : "night";

/** The lit part of a disc with radius 40 in the middle of 100 by 100, as seen from the north. */
function litShape(phase: number): string {
  const waxing = phase < 180;
  const bulge = 40 * Math.cos((phase * Math.PI) / 180);
  const outer = waxing ? 1 : 0;
  // The terminator is half an ellipse; before the quarters it bends towards the lit limb.
  const inner = bulge > 0 === waxing ? 0 : 1;
  return `M50 10 A40 40 0 0 ${outer} 50 90 A${Math.abs(bulge).toFixed(2)} 40 0 0 ${inner} 50 10Z`;
}
