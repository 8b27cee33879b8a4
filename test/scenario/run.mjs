#!/usr/bin/env node
// `npm run sim`: the scenarios in one bundle, because a hundred million simulated events notice what each
// import costs.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OUT = join(ROOT, "node_modules", ".cache", "shoal", `sim-${process.pid}`);

await build({
  root: ROOT,
  configFile: false,
  publicDir: false,
  logLevel: "warn",
  build: {
    outDir: OUT,
    ssr: join(ROOT, "test/scenario/main.ts"),
    target: "node20",
    minify: false,
    rolldownOptions: { output: { format: "es", entryFileNames: "main.mjs" } },
  },
});
try {
  await import(pathToFileURL(join(OUT, "main.mjs")).href);
} finally {
  await rm(OUT, { recursive: true, force: true });
}
