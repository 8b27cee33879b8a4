// The README's Vite configuration, as somebody has it who installed Shoal: built by Vite's own command, served, visited.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@playwright/test";
import { fetched, noise, type Stage, setStage, sha256, stats } from "../support/stage.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FILM = noise(3_000_000, 5);

let stage: Stage;
let root: string;
test.beforeAll(async () => {
  stage = await setStage();
  root = await mkdtemp(join(tmpdir(), "shoal-vite-"));
});
test.afterAll(async () => {
  await stage.close();
  await rm(root, { recursive: true, force: true });
});

/** The block of the README, for this site and this tracker. */
async function configuration(): Promise<string> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const block = [...readme.matchAll(/```js\n(.*?)```/gs)].find(([, code]) =>
    code?.includes("shoal/vite"),
  )?.[1];
  if (block === undefined) throw new Error("The README shows no Vite configuration");
  return block
    .replace("https://www.example.com", stage.site.url)
    .replace("https://tracker.example.com", stage.trackerUrl);
}

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

test("built as the README says, visitors share the site", async ({ browser }) => {
  await mkdir(join(root, "node_modules"));
  await symlink(join(ROOT, "node_modules/vite"), join(root, "node_modules/vite"));
  await symlink(ROOT, join(root, "node_modules/shoal"));
  await write("vite.config.mjs", await configuration());
  await write("index.html", '<!doctype html><script type="module" src="/main.js"></script>');
  await write("main.js", 'document.title = "A site";');
  await write("public/film.bin", FILM);
  const vite = join(root, "node_modules/vite/bin/vite.js");
  await promisify(execFile)(process.execPath, [vite, "build"], { cwd: root });

  const dist = join(root, "dist");
  for (const file of await readdir(dist, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    stage.site.put(path.slice(dist.length), { body: await readFile(path) });
  }
  stage.site.put("/", { body: await readFile(join(dist, "index.html")), type: "text/html" });

  const visitors = await Promise.all([browser.newContext(), browser.newContext()]);
  try {
    for (const [order, context] of visitors.entries()) {
      const page = await context.newPage();
      await page.goto(stage.site.url);
      await expect(page).toHaveTitle("A site");
      await page.waitForFunction(() => window.shoal?.stats().tracker === "connected");
      expect(await fetched(page, "/film.bin")).toMatchObject({ sha256: sha256(FILM) });
      const { bytes } = await stats(page);
      if (order === 0) {
        expect(bytes.origin).toBe(FILM.length);
        // Slow enough for a link to be of use.
        stage.site.limit(300_000);
      } else expect(bytes.peers).toBeGreaterThan(FILM.length / 2);
    }
  } finally {
    for (const context of visitors) await context.close();
  }
});
