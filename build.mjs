#!/usr/bin/env node
// Builds everything that is shipped into dist/, with Vite: what a page loads, the tracker's command, the demo.
// `--missing` builds only when dist/ lacks something or is older than its sources. Owns dist/ except dist/types.

import { chmodSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL(".", import.meta.url));
const at = (path) => join(ROOT, path);

/** Evergreen browsers, back to Chromium 94, Firefox 93 and Safari 16: whatever is older is served by the origin. */
const TARGET = "es2022";

/** Everything a change of which may change an output. */
const SOURCES = [
  "client",
  "tracker",
  "demo",
  "build.mjs",
  "vite.config.ts",
  "package.json",
  "package-lock.json",
];

/** One Vite run each, because a bundle in one file is a build of its own. */
const OUTPUTS = [
  { file: "dist/client/shoal.js", from: "client/script-tag.ts", with: page("iife", "Shoal") },
  { file: "dist/client/shoal.mjs", from: "client/index.ts", with: page("es") },
  { file: "dist/client/shoal-notice.mjs", from: "client/notice.ts", with: page("es") },
  {
    file: "dist/client/shoal-attested.mjs",
    from: "client/core/catalogue/attested.ts",
    with: page("es"),
  },
  { file: "dist/client/shoal-save.mjs", from: "client/save.ts", with: page("es") },
  { file: "dist/client/shoal-tabs.mjs", from: "client/other-tabs.ts", with: page("es") },
  { file: "dist/client/shoal-hls.mjs", from: "client/players/hls-loader.ts", with: page("es") },
  { file: "dist/client/shoal-bridge.mjs", from: "client/worker/liaison.ts", with: page("es") },
  {
    file: "dist/client/shoal-sw.js",
    from: "client/worker/service-worker.ts",
    with: page("iife", "ShoalWorker"),
  },
  { file: "dist/tracker/main.js", from: "tracker/main.ts", with: node, isCommand: true },
  { file: "dist/tracker/vite.js", from: "tracker/vite.ts", with: node },
  {
    file: "dist/tracker/dashboard/index.html",
    from: "tracker/dashboard/view/index.html",
    with: site,
  },
  { file: "dist/demo/index.html", from: "demo/index.html", with: site },
  { file: "dist/demo/serve.js", from: "demo/serve.ts", with: node },
];

/** A library in one file, dependencies inside. */
function page(format, name) {
  return (output) => ({
    build: {
      ...into(output),
      lib: {
        entry: at(output.from),
        formats: [format],
        fileName: () => nameOf(output.file),
        ...(name ? { name } : {}),
      },
      minify: true,
    },
  });
}

/** For Node: our own files together, packages left to node_modules. */
function node(output) {
  return {
    build: {
      ...into(output),
      ssr: at(output.from),
      target: "node20",
      minify: false,
      rolldownOptions: {
        output: {
          format: "es",
          entryFileNames: nameOf(output.file),
          codeSplitting: false,
          ...(output.isCommand ? { banner: "#!/usr/bin/env node" } : {}),
        },
      },
    },
  };
}

/** An app with its pages: the named one and those beside it. */
function site(output) {
  const directory = output.from.slice(0, output.from.lastIndexOf("/"));
  const pages = readdirSync(at(directory)).filter((name) => name.endsWith(".html"));
  return {
    root: at(directory),
    base: "./",
    build: {
      ...into(output),
      rolldownOptions: { input: pages.map((name) => at(`${directory}/${name}`)) },
      // hls.js is 580 kB, in a file of its own that is loaded when somebody plays.
      chunkSizeWarningLimit: 700,
    },
  };
}

function into({ file }) {
  const directory = file.slice(0, file.lastIndexOf("/"));
  return {
    outDir: at(directory),
    emptyOutDir: false,
    target: TARGET,
    sourcemap: true,
    reportCompressedSize: false,
  };
}

const nameOf = (file) => file.slice(file.lastIndexOf("/") + 1);

function newest(path) {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isUpToDate() {
  if (!OUTPUTS.every(({ file }) => existsSync(at(file)))) return false;
  const oldest = Math.min(...OUTPUTS.map(({ file }) => statSync(at(file)).mtimeMs));
  return SOURCES.every((source) => newest(at(source)) < oldest);
}

if (process.argv.includes("--missing") && isUpToDate()) process.exit(0);

const missing = OUTPUTS.filter(({ from }) => !existsSync(at(from)));
if (missing.length > 0) {
  console.error(`build: no ${missing.map(({ from }) => from).join(", ")}`);
  process.exit(1);
}

// Assets of the demo carry a hash in their names and would pile up.
rmSync(at("dist/demo"), { recursive: true, force: true });
const { build } = await import("vite");
for (const output of OUTPUTS) {
  try {
    await build({
      configFile: at("vite.config.ts"),
      root: ROOT,
      logLevel: "warn",
      ...output.with(output),
    });
  } catch (error) {
    console.error(`build: ${output.file} from ${output.from} failed`);
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
  if (output.isCommand) chmodSync(at(output.file), 0o755);
}
