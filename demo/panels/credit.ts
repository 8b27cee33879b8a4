// Whose work an item is, under which licence, and where it is from.

import { element } from "../element.ts";
import type { Item } from "../facts.ts";

export function creditLine(item: Item): HTMLElement {
  return element(
    "small",
    { class: "credit" },
    `${item.credit}. `,
    element("a", { href: item.source, rel: "noopener", target: "_blank" }, item.licence),
  );
}
