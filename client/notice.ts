// What a visitor sees of Shoal: the question before anything is shared, and a badge that says what was taken and given and
// switches it off. A module of its own, loaded only by pages that want either. Lives in shadow roots, so that no style of
// the page reaches it by accident; custom properties and parts are there to reach it on purpose. Decides nothing: it
// calls `setConsent`, and the client remembers.

import { currentConditions } from "./browser/conditions.ts";
import type { Client, ClientStats } from "./index.ts";

/** Every word that is shown, for sites in other languages. */
export interface NoticeTexts {
  readonly question: string;
  readonly accept: string;
  readonly decline: string;
  /** Name of the badge, for screen readers, and of its switch. */
  readonly sharing: string;
  readonly taken: string;
  readonly given: string;
}

/** The words in English: what is shown unless a page has its own. */
export const TEXTS: NoticeTexts = {
  question:
    "May your browser share this site's files with other visitors nearby, who can then see your IP address?",
  accept: "Share",
  decline: "No, thanks",
  sharing: "Sharing",
  taken: "from visitors",
  given: "to visitors",
};

/** In its own good time: it is no stopwatch, and every look wakes the page. */
const REFRESH_MS = 1000;

const COMMON = `
:host {
  --ground: var(--shoal-ground, #fff);
  --text: var(--shoal-text, #14211f);
  --line: var(--shoal-line, #8b9c98);
  --accent: var(--shoal-accent, #0b6b60);
  --accent-text: var(--shoal-accent-text, #fff);
  position: fixed;
  z-index: var(--shoal-layer, 2147483000);
  box-sizing: border-box;
  border: 1px solid var(--line);
  border-radius: var(--shoal-corner, .75rem);
  background: var(--ground);
  color: var(--text);
  font: var(--shoal-font, 1rem/1.45 system-ui, sans-serif);
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :host {
    --ground: var(--shoal-ground, #14201e);
    --text: var(--shoal-text, #e6efed);
    --line: var(--shoal-line, #61736f);
    --accent: var(--shoal-accent, #4fd1be);
    --accent-text: var(--shoal-accent-text, #04211d);
  }
}
@media print { :host { display: none } }
button { font: inherit; cursor: pointer }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }`;

const NOTICE = `
:host {
  inset: auto 1rem 1rem;
  max-width: 34rem;
  margin-inline: auto;
  padding: 1rem 1.15rem;
  box-shadow: 0 6px 30px rgb(0 0 0/25%);
}
p { margin: 0 0 .8rem }
div { display: flex; flex-wrap: wrap; gap: .6rem }
button {
  flex: 1 1 8rem;
  min-height: 2.75rem;
  border: 1.5px solid var(--accent);
  border-radius: .5rem;
  background: none;
  color: var(--accent);
  font-weight: 600;
}
button[part=accept] { background: var(--accent); color: var(--accent-text) }`;

const BADGE = `
:host {
  inset: auto 1rem 1rem auto;
  display: flex;
  align-items: center;
  gap: .9rem;
  padding: .3rem .4rem .3rem .9rem;
  border-radius: var(--shoal-corner, 2rem);
  font: var(--shoal-font, .85rem/1.3 system-ui, sans-serif);
  font-variant-numeric: tabular-nums;
}
p { margin: 0; min-width: 9.5rem }
span { display: block }
button {
  display: flex;
  align-items: center;
  gap: .5rem;
  min-height: 2.5rem;
  border: 0;
  border-radius: 2rem;
  padding: 0 .7rem;
  background: none;
  color: inherit;
}
i {
  width: 2.2rem;
  height: 1.25rem;
  box-sizing: border-box;
  border: 1.5px solid var(--line);
  border-radius: 1rem;
  padding: 1.5px;
}
i::before {
  content: "";
  display: block;
  height: 100%;
  aspect-ratio: 1;
  border-radius: 50%;
  background: var(--line);
}
[aria-checked=true] i { background: var(--accent); border-color: var(--accent); text-align: end }
[aria-checked=true] i::before { background: var(--accent-text); margin-inline-start: auto }`;

/**
 * Asks, unless there is an answer already or the link is thrifty: then nothing is shared, and asking would only cost. The
 * host element has the class `shoal-notice`; parts are `question`, `accept` and `decline`. Returns how to take it away.
 */
export function showNotice(client: Client, texts: NoticeTexts = TEXTS): () => void {
  if (client.stats().consent !== "ask" || currentConditions().thrifty) return () => {};
  const { host, root } = room("shoal-notice", NOTICE, "aside", texts.sharing);
  const answer = (part: "accept" | "decline", state: "granted" | "denied"): HTMLElement => {
    const button = made("button", { type: "button", part }, texts[part]);
    button.addEventListener("click", () => client.setConsent(state));
    return button;
  };
  root.append(
    made("p", { part: "question" }, texts.question),
    made("div", {}, answer("accept", "granted"), answer("decline", "denied")),
  );
  // By either button, in another tab, or by the page itself.
  return lasting(host, () => {
    if (client.stats().consent !== "ask") host.remove();
  });
}

/**
 * What was taken and given, with a switch: off withdraws consent for good, on gives it. The host element has the class
 * `shoal-badge`; parts are `taken`, `given` and `switch`. While the question is open it stays away. Returns how to take
 * it away.
 */
export function showBadge(client: Client, texts: NoticeTexts = TEXTS): () => void {
  const { host, root } = room("shoal-badge", BADGE, "aside", texts.sharing);
  const taken = made("span", { part: "taken" });
  const given = made("span", { part: "given" });
  const button = made("button", { type: "button", role: "switch", part: "switch" }, texts.sharing);
  button.append(made("i", { "aria-hidden": "true" }));
  root.append(made("p", {}, taken, given), button);
  button.addEventListener("click", () => {
    client.setConsent(client.stats().consent === "granted" ? "denied" : "granted");
    show(client.stats());
  });
  function show({ consent, bytes, state }: ClientStats): void {
    host.hidden = state === "closed" || (consent === "ask" && !currentConditions().thrifty);
    host.style.display = host.hidden ? "none" : "";
    taken.textContent = `↓ ${inWords(bytes.peers)} ${texts.taken}`;
    given.textContent = `↑ ${inWords(bytes.uploaded)} ${texts.given}`;
    button.setAttribute("aria-checked", String(consent === "granted"));
  }
  show(client.stats());
  return lasting(host, () => {
    if (document.visibilityState === "visible") show(client.stats());
  });
}

/** What the script tag asks for. `texts`: some of `NoticeTexts` as JSON, as the page's attribute has it. */
export async function attend(
  client: Client,
  wish: { readonly badge: boolean; readonly texts: string | undefined },
): Promise<void> {
  const texts = { ...TEXTS, ...textsIn(wish.texts) };
  if (document.body === null) {
    await new Promise((resolve) => addEventListener("DOMContentLoaded", resolve, { once: true }));
  }
  showNotice(client, texts);
  if (wish.badge) showBadge(client, texts);
}

function textsIn(json: string | undefined): Partial<NoticeTexts> {
  if (json === undefined) return {};
  try {
    const given: Readonly<Record<string, unknown>> = JSON.parse(json);
    const known = Object.keys(TEXTS).filter((name) => typeof given[name] === "string");
    return Object.fromEntries(known.map((name) => [name, given[name]]));
  } catch {
    console.warn(`Shoal ignores data-texts: it must be JSON such as {"accept":"Teilen"}.`);
    return {};
  }
}

function room(name: string, style: string, tag: string, label: string) {
  const host = made(tag, { class: name, "aria-label": label });
  const root = host.attachShadow({ mode: "open" });
  const text = COMMON + style;
  if ("adoptedStyleSheets" in root) {
    // Unlike an element, it needs no leave of the page's policy.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    root.adoptedStyleSheets = [sheet];
  } else (root as ShadowRoot).append(made("style", {}, text));
  document.body.append(host);
  return { host, root };
}

/** Looks again and again until the element is gone, whoever took it. */
function lasting(host: HTMLElement, look: () => void): () => void {
  const timer = setInterval(() => {
    if (host.isConnected) look();
    else clearInterval(timer);
  }, REFRESH_MS);
  // Whatever was clicked in it shows at once.
  host.addEventListener("click", look);
  return () => {
    clearInterval(timer);
    host.remove();
  };
}

function made(
  tag: string,
  attributes: Readonly<Record<string, string>>,
  ...content: readonly (string | Node)[]
): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

/** In the page's own language, always with one digit after the point, so that live numbers stay where they are. */
function inWords(bytes: number): string {
  const unit = bytes < 1e9 ? "megabyte" : "gigabyte";
  const style = {
    style: "unit",
    unit,
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  } as const;
  const value = bytes / (unit === "megabyte" ? 1e6 : 1e9);
  return value.toLocaleString(document.documentElement.lang || undefined, style);
}
