// The classic script: adds the global `Shoal`, reads its own tag's attributes and starts one client, `window.shoal`.
// Loaded twice it leaves the first client alone. Throws nothing into the page, whatever the page is like.

import { type Client, type ClientOptions, newClient } from "./index.ts";
import { readAttributes } from "./options.ts";

export { hlsLoader, ShoalError } from "./index.ts";

declare global {
  interface Window {
    shoal?: Client;
  }
}

/** Only while the script itself runs does the browser say which tag it belongs to. */
const tag = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
const origin = tag?.src ? new URL(tag.src).origin : null;

/** As in the module, but the tracker defaults to where this script came from. */
export function createClient(options: ClientOptions = {}): Client {
  return newClient(options, origin);
}

function start(): void {
  // An element with this id is reachable under the same name, but is no property of the window's own.
  if (Object.hasOwn(window, "shoal") && window.shoal !== undefined) return;
  try {
    const warn = (message: string): void => console.warn(message);
    window.shoal = createClient(readAttributes({ ...tag?.dataset }, document.baseURI, warn));
  } catch (error) {
    console.warn("Shoal is off on this page:", error);
  }
}

start();
