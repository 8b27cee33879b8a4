#!/usr/bin/env node
// Compares what visitors download with the budget in package.json, as gzip sends it. Fails over budget, and when a
// file with a budget is not there.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const ROOT = fileURLToPath(new URL(".", import.meta.url));
const { sizeBudget } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

for (const [file, budget] of Object.entries(sizeBudget)) {
  let content;
  try {
    content = readFileSync(join(ROOT, file));
  } catch {
    console.error(`size: ${file} is missing; run "npm run build" first`);
    process.exitCode = 1;
    continue;
  }
  // Level 9: what a server that compresses once, ahead of time, sends.
  const size = gzipSync(content, { level: 9 }).length;
  const line = `${file}: ${size} bytes gzip of ${budget} (${content.length} plain)`;
  if (size > budget) {
    console.error(`size: ${line} is ${size - budget} over budget`);
    process.exitCode = 1;
  } else {
    console.log(line);
  }
}
