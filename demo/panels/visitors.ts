// More visitors, each in a frame with a store of its own, as if they sat at other computers: honest ones, liars and silent
// ones, in the region that is chosen. Owns the frames: adding, counting and removing them.

import type { Behaviour } from "../behaviour.ts";
import { element, existing } from "../element.ts";
import type { Facts } from "../facts.ts";
import { hearFrame } from "../report.ts";
import type { Swarm } from "../swarm.ts";

const NAMES: Readonly<Record<Behaviour, string>> = {
  honest: "Visitor",
  lying: "Liar",
  silent: "Silent visitor",
};

/** Returns how to add one without a click. */
export function visitors(swarm: Swarm, { regions, visitorPages }: Facts): () => void {
  const most = visitorPages.length;
  // Where their names lead nowhere, visitors are pages of this site and share its thread with everything else here.
  const probe = visitorPages.slice(0, 1).map((page) => fetch(page, { mode: "no-cors" }));
  const pages = Promise.all(probe).then(
    () => visitorPages,
    () => [],
  );
  const list = existing("visitors", HTMLElement);
  const empty = existing("visitors-empty", HTMLElement);
  const region = existing("region", HTMLSelectElement);
  const buttons = (
    [
      ["add-one", 1, "honest"],
      ["add-five", 5, "honest"],
      ["add-liar", 1, "lying"],
      ["add-silent", 1, "silent"],
    ] as const
  ).map(([id, count, behaviour]) => {
    const button = existing(id, HTMLButtonElement);
    button.addEventListener("click", () => {
      for (let one = 0; one < count && list.childElementCount < most; one++) add(behaviour);
    });
    return button;
  });
  region.append(
    element("option", { value: "" }, "Each in another"),
    ...regions.map((name, at) => element("option", { value: String(at) }, name)),
  );
  region.value = "";
  /** You are the first. */
  let last = 0;

  /** Gives the frame a site that nobody else there lives on. */
  async function settle(frame: HTMLIFrameElement, asked: URLSearchParams): Promise<void> {
    const free = await pages;
    const taken = [...list.querySelectorAll("iframe")].map(({ src }) => src.split("?")[0]);
    const page = free.find((one) => !taken.includes(one)) ?? "visitor.html";
    frame.src = `${page}?${asked}`;
  }

  function add(behaviour: Behaviour): void {
    const id = ++last;
    const name = `${NAMES[behaviour]} ${id + 1}`;
    const where = region.value === "" ? id % regions.length : Number(region.value);
    const asked = new URLSearchParams({ visitor: `${id}`, region: `${where}`, behaviour });
    const remove = element("button", { type: "button", class: "plain" }, "Remove");
    remove.setAttribute("aria-label", `Remove ${name}`);
    const frame = element("iframe", { title: name });
    const place = element("span", { class: "quiet" }, regions[where] ?? "");
    const card = element(
      "section",
      { class: `visitor ${behaviour}`, "aria-label": name },
      element("header", {}, element("h3", {}, name), place, remove),
      frame,
    );
    swarm.came({ id, name, region: where, behaviour });
    const unhear = hearFrame(frame, (report) => swarm.heard(id, report, performance.now()));
    remove.addEventListener("click", () => {
      unhear();
      swarm.left(id);
      card.remove();
      update();
      buttons[0]?.focus();
    });
    list.append(card);
    void settle(frame, asked);
    update();
  }

  function update(): void {
    const count = list.childElementCount;
    empty.hidden = count > 0;
    for (const button of buttons) button.disabled = count >= most;
  }
  return () => add("honest");
}
