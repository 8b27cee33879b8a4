#!/usr/bin/env node
// What `npm run bench` runs: the benchmarks, from their TypeScript sources, by the same tool that builds the rest. Its
// runner stays open, unlike `runnerImport`'s, because the rivals are imported only when they have been installed.

import { fileURLToPath } from "node:url";
import { createServer, createServerModuleRunner } from "vite";

const vite = await createServer({
  configFile: false,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  appType: "custom",
  logLevel: "error",
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
const runner = createServerModuleRunner(vite.environments.ssr, { hmr: false });
const { main } = await runner.import("/test/bench/main.ts");
const code = await main(process.argv.slice(2));
await runner.close();
await vite.close();
process.exit(code);
