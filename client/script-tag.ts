// The classic script: adds the global `Shoal`, reads its own tag's attributes and starts one client, `window.shoal`.
// Loaded twice it leaves the first client alone. Throws nothing into the page, whatever the page is like.

import * as diagnose from "./diagnose.ts";
import { type Client, type ClientOptions, newClient } from "./index.ts";
import { readAttributes } from "./options.ts";
import { lateHlsLoader } from "./players/late-loader.ts";

export { prepareMedia, ShoalError } from "./index.ts";

declare global {
  interface Window {
    shoal?: Client;
  }
}

/** Only while the script itself runs does the browser say which tag it belongs to. */
const tag = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
const origin = tag?.src ? new URL(tag.src).origin : null;

/** What many pages have no use for lies in files of their own beside this one. */
async function loaded<T>(file: string): Promise<T> {
  return import(/* @vite-ignore */ new URL(file, tag?.src).href);
}
const liaison = () => loaded<typeof import("./worker/liaison.ts")>("shoal-bridge.mjs");
const attested = () => loaded<typeof import("./core/catalogue/attested.ts")>("shoal-attested.mjs");
const otherTabs = () => loaded<typeof import("./other-tabs.ts")>("shoal-tabs.mjs");
/** Here, because it is asked for when nothing answers where the others lie. */
const diagnosis = async () => diagnose;

/** As in the module, but the tracker defaults to where this script came from. */
export function createClient(options: ClientOptions = {}): Client {
  return newClient(options, { tracker: origin, attested, liaison, diagnosis, otherTabs });
}

/** As in the module, for the first fragment of a page a moment later. */
export function hlsLoader(client: Client): ReturnType<typeof lateHlsLoader> {
  return lateHlsLoader(client, loaded("shoal-hls.mjs"));
}

/** As in the module. */
export async function unregister(): Promise<void> {
  return (await liaison()).unregister();
}

/** What visitors see is a script of its own, for the pages that want it. */
async function attend(client: Client, { consent }: ClientOptions, { dataset }: HTMLElement) {
  const { badge, texts } = dataset;
  const shown = badge === "on" || (consent === "ask" && badge !== "off");
  if (consent !== "ask" && !shown) return;
  try {
    const notice = await loaded<typeof import("./notice.ts")>("shoal-notice.mjs");
    await notice.attend(client, { badge: shown, texts });
  } catch (error) {
    console.warn("Shoal cannot ask for consent on this page, so nothing is shared:", error);
  }
}

function start(): void {
  // An element with this id is reachable under the same name, but is no property of the window's own.
  if (Object.hasOwn(window, "shoal") && window.shoal !== undefined) return;
  try {
    const warn = (message: string): void => console.warn(message);
    const options = readAttributes({ ...tag?.dataset }, document.baseURI, warn);
    const client = createClient(options);
    // Whoever put the attribute there is looking at the console, if anywhere.
    client.on("degraded", ({ code, message }) => {
      if (code.startsWith("worker/")) warn(`Shoal: ${message}`);
    });
    window.shoal = client;
    if (tag === null) return;
    void attend(client, options, tag);
    if (tag.dataset.downloads !== "on") return;
    const save = loaded<typeof import("./save.ts")>("shoal-save.mjs");
    // Without the file they are the browser's, as ever.
    void save.then(({ saveLinks }) => saveLinks(client)).catch(() => {});
  } catch (error) {
    console.warn("Shoal is off on this page:", error);
  }
}

start();
