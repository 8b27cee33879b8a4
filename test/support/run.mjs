#!/usr/bin/env node
// Runs the `main` of a TypeScript module with the words behind it, by the same tool that builds the rest; its number is
// the exit code. The runner stays open, unlike `runnerImport`'s, because some modules are imported only when they are
// needed.

import { fileURLToPath } from "node:url";
import { createServer, createServerModuleRunner } from "vite";

const [path, ...words] = process.argv.slice(2);
const vite = await createServer({
  configFile: false,
  root: fileURLToPath(new URL("../..", import.meta.url)),
  appType: "custom",
  logLevel: "error",
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
const runner = createServerModuleRunner(vite.environments.ssr, { hmr: false });
const { main } = await runner.import(`/${path}`);
const code = await main(words);
await runner.close();
await vite.close();
process.exit(code);
