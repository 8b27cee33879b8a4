// Whether the house is in order, file by file; and whether this test would notice if it were not.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { judge, type Source, trackerCoreOf } from "./support/architecture.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

function* sources(folder: string): Generator<Source> {
  for (const name of readdirSync(join(ROOT, folder)).sort()) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (name === "node_modules" || name === "assets" || name.startsWith(".")) continue;
    if (statSync(join(ROOT, path)).isDirectory()) yield* sources(path);
    else if (/\.(ts|mjs)$/.test(name)) yield { path, text: readFileSync(join(ROOT, path), "utf8") };
  }
}

const { files } = JSON.parse(readFileSync(join(ROOT, "tracker/tsconfig.core.json"), "utf8"));
const trackerCore = trackerCoreOf(files);

test.each(["client", "tracker", "demo", "test"])("%s is in order", (folder) => {
  const all = [...sources(folder)];
  expect(all.length).toBeGreaterThan(0);
  expect(all.flatMap((source) => judge(source, trackerCore))).toEqual([]);
});

describe("a file is refused when", () => {
  const opening = "// What it is.\n// What it owns.\n";
  const wrong: readonly (readonly [why: string, path: string, text: string, complaint: RegExp])[] =
    [
      [
        "the core imports an adapter",
        "client/core/a.ts",
        'import "../browser/b.ts";',
        /against the arrows/,
      ],
      ["the core imports a package", "client/core/a.ts", 'import "idb-keyval";', /the package/],
      [
        "a part of the core imports the whole",
        "client/core/swarm/a.ts",
        'import "../local-peer.ts";',
        /arrows/,
      ],
      ["the wire knows the swarm", "client/core/wire/a.ts", 'import "../swarm/b.ts";', /arrows/],
      [
        "an adapter imports more than ports and words",
        "client/browser/a.ts",
        'import "../core/cache/b.ts";',
        /arrows/,
      ],
      [
        "a type is imported against the arrows",
        "client/browser/a.ts",
        'import type { B } from "../core/stats.ts";',
        /arrows/,
      ],
      [
        "a part loads an adapter late",
        "client/players/a.ts",
        'await import("../browser/b.ts");',
        /arrows/,
      ],
      [
        "the client knows the tracker",
        "client/a.ts",
        'import "../tracker/tracker.ts";',
        /protocol alone/,
      ],
      ["the tracker knows the client", "tracker/a.ts", 'import "../client/index.ts";', /arrows/],
      [
        "the tracker's core imports its server",
        "tracker/tracker.ts",
        'import "./server.ts";',
        /arrows/,
      ],
      ["the simulator imports timers", "test/sim/a.ts", 'import "node:timers";', /the package/],
      [
        "the simulator touches an adapter",
        "test/sim/a.ts",
        'import "../../client/browser/b.ts";',
        /arrows/,
      ],
      ["something shipped imports a test", "demo/a.ts", 'import "../test/support/b.ts";', /tests/],
      ["ws is imported beside the server", "tracker/a.ts", 'import { WebSocket } from "ws";', /ws/],
      ["an import has no ending", "client/a.ts", 'import "./options";', /ending/],
      ["the core reads the date", "client/core/a.ts", "const at = Date.now();", /uses Date/],
      ["the core rolls dice", "client/core/a.ts", "const x = Math.random();", /Math\.random/],
      ["the core sets a timer", "client/core/a.ts", "setTimeout(() => {}, 1);", /setTimeout/],
      [
        "the core reaches a global by a side door",
        "client/core/a.ts",
        "globalThis.foo();",
        /globalThis/,
      ],
      ["the tracker's core reads the date", "tracker/tracker.ts", "new Date();", /uses Date/],
      ["the protocol rolls dice", "tracker/protocol/a.ts", "Math.random();", /Math\.random/],
      [
        "a scenario waits in real time",
        "test/scenario/a.test.ts",
        "setTimeout(f, 1);",
        /setTimeout/,
      ],
      ["it exports a default", "client/a.ts", "export default 1;", /default export/],
      ["it is a barrel", "client/core/a.ts", 'export * from "./b.ts";', /another file/],
      ["its name is not kebab-case", "client/localPeer.ts", "", /kebab-case/],
      ["its name says nothing", "client/request-handler.ts", "", /says nothing/],
      ["its name is a drawer", "test/support/utils.ts", "", /says nothing/],
      ["it has more than 400 lines", "client/a.ts", "\n".repeat(400), /lines/],
    ];
  test.each(wrong)("%s", (_why, path, text, complaint) => {
    const complaints = judge({ path, text: opening + text }, trackerCore);
    expect(complaints.join("; ")).toMatch(complaint);
  });

  test("it does not say what it is", () => {
    expect(judge({ path: "client/a.ts", text: "export const a = 1;" }, trackerCore)).toHaveLength(
      1,
    );
  });
});

describe("a file is accepted when", () => {
  const right: readonly (readonly [why: string, path: string, text: string])[] = [
    [
      "a property only sounds like a global",
      "client/core/a.ts",
      "clock.fetch(); const x = { performance: 1 };",
    ],
    ["it reads a date out of a text", "client/core/a.ts", "const at = Date.parse(text);"],
    ["the simulated clock hops through the loop", "test/sim/clock.ts", "setImmediate(f);"],
    [
      "the reason for its length is at its top",
      "client/a.ts",
      `// Over 400 lines because.${"\n".repeat(420)}`,
    ],
    ["it is the service worker", "client/worker/service-worker.ts", ""],
  ];
  test.each(right)("%s", (_why, path, text) => {
    const complaints = judge({ path, text: `// What it is.\n${text}` }, trackerCore);
    expect(complaints).toEqual([]);
  });
});
