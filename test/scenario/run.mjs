#!/usr/bin/env node
// What `npm run sim` runs: the scenarios in one bundle, because a hundred million simulated events notice what each
// import costs.

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
    ssr: join(ROOT, "test/scenario/command.ts"),
    target: "node20",
    minify: false,
    rolldownOptions: { output: { format: "es", entryFileNames: "command.mjs" } },
  },
});
const { run } = await import(pathToFileURL(join(OUT, "command.mjs")).href);
process.exitCode = await run(process.argv.slice(2));
