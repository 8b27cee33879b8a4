// Bundles a file of the browser tests for a page, by the same tool that builds what is shipped. Returns text, writes
// nothing.

import { fileURLToPath } from "node:url";
import { build } from "vite";

/** `entry` is relative to test/browser/pages. */
export async function bundlePage(entry: string): Promise<string> {
  const result = await build({
    configFile: fileURLToPath(new URL("../../vite.config.ts", import.meta.url)),
    logLevel: "error",
    build: {
      write: false,
      minify: false,
      target: "es2022",
      lib: {
        entry: fileURLToPath(new URL(`../browser/pages/${entry}`, import.meta.url)),
        formats: ["iife"],
        name: "tested",
      },
    },
  });
  const outputs = Array.isArray(result) ? result : [result];
  for (const output of outputs) {
    if ("output" in output) return output.output[0].code;
  }
  throw new Error(`${entry} gave no bundle`);
}
