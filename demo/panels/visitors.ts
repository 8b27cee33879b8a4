// More visitors, each in a frame with a store of its own, as if they sat at other computers. Owns the frames: adding,
// counting and removing them.

import { element, existing } from "../element.ts";

/** Each holds the files in memory and keeps links to all others; more would only make a laptop warm. */
const MOST = 8;

export function visitors(added: () => void): void {
  const button = existing("add-visitor", HTMLButtonElement);
  const list = existing("visitors", HTMLElement);
  const empty = existing("visitors-empty", HTMLElement);
  /** You are the first. */
  let last = 1;

  function add() {
    const name = `Visitor ${++last}`;
    const remove = element("button", { type: "button", class: "plain" }, "Remove");
    remove.setAttribute("aria-label", `Remove ${name}`);
    const card = element(
      "section",
      { class: "visitor", "aria-label": name },
      element("header", {}, element("h3", {}, name), remove),
      element("iframe", { src: "visitor.html", title: name }),
    );
    remove.addEventListener("click", () => {
      card.remove();
      update();
      button.focus();
    });
    list.append(card);
    update();
    card.scrollIntoView({ block: "nearest" });
    added();
  }

  function update() {
    const count = list.childElementCount;
    empty.hidden = count > 0;
    button.disabled = count >= MOST;
  }
  button.addEventListener("click", add);
}
