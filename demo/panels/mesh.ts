// The swarm as a picture: visitors by region, the origin above them, a line for every link, and dots that run the way the
// bytes go, faster for more. Draws what the model says and asks nobody; the same facts stand as text in the table of links.

import { element } from "../element.ts";
import type { Flow, Member, Swarm } from "../swarm.ts";
import { rateInWords } from "../words.ts";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 270;
const ORIGIN_Y = 40;
const MIDDLE_Y = 158;
const NODE = 19;
/** Bytes a second from which dots run in the next faster of four ways. */
const PACES = [150_000, 600_000, 2_000_000];

interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Mesh {
  readonly root: HTMLElement;
  draw(swarm: Swarm, origin: { readonly isOn: boolean }): void;
}

export function mesh(regions: readonly string[]): Mesh {
  const svg = made("svg", { role: "img", height: String(HEIGHT), width: "100%" });
  const title = made("title", {});
  const layers = ["places", "links", "flows", "nodes"].map((name) => made("g", { class: name }));
  svg.append(title, ...layers);
  const [places, links, flows, nodes] = layers as [SVGElement, SVGElement, SVGElement, SVGElement];
  const root = element("div", { class: "mesh" });
  root.append(svg);
  const kept = new Map<string, SVGElement>();

  /** Elements stay who they are from one drawing to the next, so that dots run on and screens repaint little. */
  function keep(key: string, layer: SVGElement, make: () => SVGElement): SVGElement {
    const known = kept.get(key) ?? make();
    if (!kept.has(key)) {
      kept.set(key, known);
      layer.append(known);
    }
    wanted.add(key);
    return known;
  }
  let wanted = new Set<string>();

  function draw(swarm: Swarm, origin: { readonly isOn: boolean }): void {
    const width = root.clientWidth || 400;
    wanted = new Set();
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const { members } = swarm;
    const at = placed(members, regions.length, width);
    const hasStranger = swarm.links.some(([, other]) => other === "stranger");
    if (hasStranger) at.set("stranger", { x: width - NODE - 8, y: ORIGIN_Y });
    for (const [region, name] of regions.entries()) drawRegion(name, region, width);
    drawOrigin(width / 2, origin.isOn);
    for (const [one, other] of swarm.links) {
      const line = keep(`link ${one} ${other}`, links, () => made("line", {}));
      const [from, to] = [at.get(one), at.get(other)];
      if (from !== undefined && to !== undefined) place(line, from, to);
    }
    for (const flow of swarm.flows) drawFlow(flow, at, width);
    for (const member of members) drawMember(member, at.get(member.id) ?? { x: 0, y: 0 });
    if (hasStranger) drawStranger(at.get("stranger") ?? { x: 0, y: 0 });
    for (const [key, gone] of kept) {
      if (wanted.has(key)) continue;
      gone.remove();
      kept.delete(key);
    }
    title.textContent = sentenceOf(swarm);
  }

  function drawRegion(name: string, region: number, width: number): void {
    const column = width / regions.length;
    const group = keep(`region ${region}`, places, () => {
      const label = made("text", { class: "place", y: String(HEIGHT - 12) });
      label.textContent = name;
      const room = made("rect", { y: "70", height: String(HEIGHT - 70), rx: "14" });
      const both = made("g", {});
      both.append(room, label);
      return both;
    });
    const [room, label] = group.children;
    room?.setAttribute("x", String(region * column + 4));
    room?.setAttribute("width", String(column - 8));
    label?.setAttribute("x", String((region + 0.5) * column));
  }

  function drawOrigin(x: number, isOn: boolean): void {
    const group = keep("origin", nodes, () => {
      const box = made("rect", { width: "92", height: "38", rx: "9", x: "-46", y: "-19" });
      const label = made("text", { class: "name", y: "5" });
      const both = made("g", { class: "source" });
      both.append(box, label);
      return both;
    });
    group.setAttribute("transform", `translate(${x} ${ORIGIN_Y - 12})`);
    group.classList.toggle("off", !isOn);
    const label = group.querySelector("text");
    if (label !== null) label.textContent = isOn ? "Origin" : "Origin off";
  }

  function drawFlow({ from, to, bytesPerSecond }: Flow, at: Places, width: number): void {
    const start = from === "origin" ? { x: width / 2, y: ORIGIN_Y + 7 } : at.get(from);
    const end = at.get(to);
    if (start === undefined || end === undefined) return;
    const line = keep(`flow ${from} ${to}`, flows, () =>
      made("line", {
        "data-from": from === "origin" ? "origin" : "peers",
        style: `animation-delay: -${Math.round(performance.now() % 1000)}ms`,
      }),
    );
    const pace = PACES.filter((limit) => bytesPerSecond >= limit).length;
    line.setAttribute("class", `pace-${pace}`);
    place(line, start, end, from === "origin" ? 0 : 4);
  }

  function drawMember(member: Member, { x, y }: Point): void {
    const { id, name, stats, behaviour, caughtBy } = member;
    const group = keep(`visitor ${id}`, nodes, () => {
      const both = made("g", { class: `visitor-node ${behaviour}${id === 0 ? " you" : ""}` });
      const share = made("circle", { class: "share", r: String(NODE - 3), pathLength: "100" });
      both.append(
        made("circle", { class: "disc", r: String(NODE) }),
        share,
        made("text", { class: "name", y: "5" }),
      );
      return both;
    });
    group.setAttribute("transform", `translate(${x} ${y})`);
    group.classList.toggle("caught", caughtBy > 0);
    const { peers, origin } = stats.bytes;
    const [, share, label] = group.children;
    share?.setAttribute(
      "stroke-dasharray",
      `${peers + origin === 0 ? 0 : stats.offload * 100} 100`,
    );
    group.classList.toggle("has", peers + origin > 0);
    if (label instanceof SVGElement) label.textContent = id === 0 ? "You" : String(id + 1);
    group.setAttribute("aria-label", name);
  }

  function drawStranger({ x, y }: Point): void {
    const group = keep("stranger", nodes, () => {
      const both = made("g", { class: "visitor-node stranger" });
      const label = made("text", { class: "name", y: "5" });
      label.textContent = "?";
      both.append(made("circle", { class: "disc", r: String(NODE) }), label);
      return both;
    });
    group.setAttribute("transform", `translate(${x} ${y})`);
  }

  return { root, draw };
}

type Places = Map<number | "stranger", Point>;

/** In every region around its middle, in the order they came. */
function placed(members: readonly Member[], regions: number, width: number): Places {
  const at: Places = new Map();
  const column = width / regions;
  for (let region = 0; region < regions; region++) {
    const here = members.filter((member) => member.region === region);
    const middle = { x: (region + 0.5) * column, y: MIDDLE_Y };
    const radius = here.length === 1 ? 0 : Math.min(column / 2 - NODE - 10, 34 + here.length * 6);
    here.forEach(({ id }, index) => {
      const angle = (index / here.length) * 2 * Math.PI - Math.PI / 2;
      at.set(id, {
        x: Math.round(middle.x + radius * Math.cos(angle)),
        y: Math.round(middle.y + radius * Math.sin(angle)),
      });
    });
  }
  return at;
}

/** From edge to edge of two discs; `aside` moves it to its right, so that both directions can be seen. */
function place(line: SVGElement, from: Point, to: Point, aside = 0): void {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const along = { x: (to.x - from.x) / length, y: (to.y - from.y) / length };
  const shift = { x: -along.y * aside, y: along.x * aside };
  const ends = {
    x1: from.x + along.x * NODE + shift.x,
    y1: from.y + along.y * NODE + shift.y,
    x2: to.x - along.x * NODE + shift.x,
    y2: to.y - along.y * NODE + shift.y,
  };
  for (const [name, value] of Object.entries(ends)) line.setAttribute(name, value.toFixed(1));
}

function sentenceOf(swarm: Swarm): string {
  const { peers, origin } = swarm.rates;
  const { members, links } = swarm;
  return (
    `${members.length} visitors, ${links.length} links between them. ` +
    `Now ${rateInWords(peers)} from neighbours, ${rateInWords(origin)} from the origin.`
  );
}

function made(name: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const element = document.createElementNS(SVG, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
