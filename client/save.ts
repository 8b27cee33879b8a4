// A large download onto the visitor's disk, in a module of its own for the pages that offer one. Neither the file nor any
// large part of it is ever in memory. What had come before an abort, a reload or a crash is in the cache, as far as its
// budget goes, and is not transferred again. Leaves no half file behind. What links of the page download comes the same way, if the
// page wants it.

import type { Bytes } from "../tracker/protocol/bytes.ts";
import type { Client } from "./index.ts";

/** How a file is saved; all optional. */
export interface SaveOptions {
  /** What the file is called. Default: the last part of the URL's path. */
  readonly name?: string;
  /** Where to write. Default: the browser asks the visitor, where it can; elsewhere the file is among their downloads. */
  readonly to?: FileSystemFileHandle;
  /** Ends it; the promise rejects with the signal's reason, and there is no file. */
  readonly signal?: AbortSignal;
  /** About ten times a second, and once at the end. */
  readonly progress?: (now: SaveProgress) => void;
}

/** Bytes written, and bytes of the whole file: `null` where the network answers and does not say. */
export interface SaveProgress {
  readonly bytes: number;
  readonly total: number | null;
}

/** Of Chromium's; other browsers have no such door to the disk. */
interface Picking {
  showSaveFilePicker?(options: { readonly suggestedName: string }): Promise<FileSystemFileHandle>;
}

const PROGRESS_MS = 100;
/** Until then the browser has long begun to copy the file it was handed. */
const HANDED_MS = 60_000;

/**
 * Downloads through `client.fetch` and saves. Call it from a click: browsers ask where to only then. Resolves when the
 * whole file is written (without a place to ask for: handed to the browser's downloads). Rejects with the abort's reason,
 * with an `AbortError` when the visitor closes the question, with an error that says the status when the answer is none,
 * or as the body failed.
 */
export async function save(
  client: Pick<Client, "fetch">,
  url: string | URL,
  options: SaveOptions = {},
): Promise<void> {
  const { signal, progress } = options;
  const address = new URL(url, document.baseURI);
  const name = options.name ?? nameOf(address);
  // First of all: leave to ask passes with the click.
  const file = options.to ?? (await asked(name));
  const response = await client.fetch(address, signal ? { signal } : {});
  if (!response.ok || response.body === null) {
    throw new Error(`${address.href} cannot be saved: it was answered with ${response.status}.`);
  }
  const counted = counting(totalOf(response), progress);
  if (file === null) return handed(await gathered(response.body, response, counted), name);
  const writable = await file.createWritable();
  // Closed at the end, or aborted: what is written shows only when it is whole.
  await response.body.pipeThrough(counted).pipeTo(writable, signal ? { signal } : {});
}

/** `null`: this browser cannot ask, or not now. */
async function asked(suggestedName: string): Promise<FileSystemFileHandle | null> {
  const { showSaveFilePicker } = window as Picking;
  if (showSaveFilePicker === undefined) return null;
  try {
    return await showSaveFilePicker.call(window, { suggestedName });
  } catch (error) {
    // In a frame of another site's, or long after the click.
    if (error instanceof DOMException && error.name !== "AbortError") return null;
    throw error;
  }
}

/**
 * From now on a click on a link of this site's with `download` saves through the client what Shoal may serve; anything else, and
 * what fails on the way, is left to the browser as if nobody had been here. The file is among the downloads once it is
 * whole; until then the link is `aria-busy`, and whoever leaves the page is asked. Returns how to stop.
 */
export function saveLinks(client: Pick<Client, "fetch">): () => void {
  const clicked = (event: MouseEvent): void => {
    const link = linkOf(event);
    if (link === null) return;
    event.preventDefault();
    if (link.ariaBusy !== "true") void saveLink(client, link);
  };
  // After all of the page's own listeners: what they have prevented is theirs.
  addEventListener("click", clicked);
  return () => removeEventListener("click", clicked);
}

function linkOf(event: MouseEvent): HTMLAnchorElement | null {
  const { target, defaultPrevented, button, altKey, ctrlKey, metaKey, shiftKey } = event;
  if (defaultPrevented || button !== 0 || altKey || ctrlKey || metaKey || shiftKey) return null;
  const selector = "a[href][download]";
  const link = target instanceof Element ? target.closest<HTMLAnchorElement>(selector) : null;
  // To another site's the browser navigates, whatever the link says; and a drawing's link is no element of this kind.
  return link?.origin === location.origin && /^https?:$/.test(link.protocol) ? link : null;
}

async function saveLink(client: Pick<Client, "fetch">, link: HTMLAnchorElement): Promise<void> {
  const { href, download } = link;
  // The browser goes on with a download when the page is gone; this page cannot.
  const leaving = (event: Event): void => event.preventDefault();
  addEventListener("beforeunload", leaving);
  link.ariaBusy = "true";
  try {
    const response = await client.fetch(href, { shoal: { passThrough: false } });
    if (!response.ok || response.body === null) throw new Error("It is not Shoal's");
    handed(await gathered(response.body, response), download || nameOf(new URL(href)));
  } catch {
    // A copy, so that listeners do not hear of a second click.
    const copy = Object.assign(link.cloneNode() as HTMLAnchorElement, { onclick: null });
    copy.click();
  } finally {
    link.ariaBusy = null;
    removeEventListener("beforeunload", leaving);
  }
}

function counting(
  total: number | null,
  tell: SaveOptions["progress"],
): TransformStream<Bytes, Bytes> {
  let bytes = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  return new TransformStream({
    transform(part, controller) {
      bytes += part.length;
      controller.enqueue(part);
      if (performance.now() - toldAt < PROGRESS_MS) return;
      toldAt = performance.now();
      tell?.({ bytes, total });
    },
    flush: () => tell?.({ bytes, total: total ?? bytes }),
  });
}

/**
 * The browser's own way from a stream to a blob is the one that goes to the disk. What is put together from parts stays in memory, and
 * in Chromium (156) cannot be read any more above 500 MB.
 */
async function gathered(
  body: ReadableStream<Bytes>,
  { headers }: Response,
  through: TransformStream<Bytes, Bytes> = new TransformStream(),
): Promise<Blob> {
  const failure = body.pipeTo(through.writable).catch((why: unknown) => why);
  const type = { "Content-Type": headers.get("Content-Type") ?? "" };
  try {
    return await new Response(through.readable, { headers: type }).blob();
  } catch (error) {
    // It says no more than that it failed.
    throw (await failure) ?? error;
  }
}

function handed(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), HANDED_MS);
}

/** The length of a compressed body is of bytes that nobody here sees; across origins compression does not show. */
function totalOf({ headers, type }: Response): number | null {
  const isPlain = type !== "cors" && !headers.has("Content-Encoding");
  const text = isPlain || headers.has("Cache-Status") ? headers.get("Content-Length") : null;
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function nameOf({ pathname }: URL): string {
  const last = pathname.slice(pathname.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last) || "download";
  } catch {
    return last;
  }
}
