// The photographs: fetched through Shoal, shown in room that was left for them. A photograph that cannot be had says so
// in its place.

import { element } from "../element.ts";
import type { Item } from "../facts.ts";
import { read } from "../reading.ts";
import type { Fetch } from "../shoal.ts";
import { creditLine } from "./credit.ts";

export function gallery(into: HTMLElement, items: readonly Item[], fetch: Fetch): void {
  for (const item of items) {
    const frame = element("div", {
      class: "picture",
      style: `aspect-ratio: ${item.width} / ${item.height}`,
    });
    into.append(
      element("figure", {}, frame, element("figcaption", {}, item.title, creditLine(item))),
    );
    read(fetch, item.url).then(
      (blob) => {
        frame.append(element("img", { src: URL.createObjectURL(blob), alt: item.title }));
      },
      () => {
        frame.append(
          element(
            "p",
            { class: "failure" },
            "Neither the origin nor a neighbour could be reached.",
          ),
        );
      },
    );
  }
}
