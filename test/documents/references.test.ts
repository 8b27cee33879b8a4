// What the documents list is what there is: attributes, codes, verdicts, metrics, files in the guided tours, and links. A
// thing that comes into the code has to come into its list, and one that goes has to go.

import { existsSync, readdirSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { expect, test } from "vitest";
import { ATTRIBUTES } from "../../client/options.ts";
import { meaningOf, type RefusalCode } from "../../tracker/attest/refusal.ts";
import { REFUSALS } from "../../tracker/protocol/messages.ts";
import { SCRIPT_NAMES } from "../../tracker/scripts.ts";
import { startTracker } from "../../tracker/server.ts";
import {
  between,
  blocksOf,
  documents,
  firstColumn,
  proseOf,
  ROOT,
  read,
  rowsOf,
  section,
  unionIn,
  wordsOfUnion,
} from "../support/documents.ts";

test("the README's attributes are those that the tag takes", () => {
  // Of scripts that the tag loads: no options of the client's.
  const others = ["data-badge", "data-downloads", "data-texts"];
  const taken = Object.keys(ATTRIBUTES).map(
    (name) => `data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  );
  expect(firstColumn(section("README.md", "## Options")).sort()).toEqual(
    [...taken, ...others].sort(),
  );
});

test("the README's codes are those that callers and listeners meet", () => {
  const errors = [...read("client/core/errors.ts").matchAll(/^ {2}"([a-z]+\/[a-z-]+)": /gm)].map(
    ([, code = ""]) => code,
  );
  const degraded = unionIn("client/core/events.ts", "export type DegradedCode");
  const codes = firstColumn(section("README.md", "## Codes"));
  expect(codes.sort()).toEqual([...new Set([...errors, ...degraded])].sort());
});

test("the README names every breach of the protocol and every refusal", () => {
  const text = section("README.md", "## Codes");
  const [, sentences = ""] = text.split(/\n\nPeers that break/);
  const violations = unionIn("client/core/events.ts", "export type Violation");
  expect(
    between(sentences)
      .filter((word) => word !== "violation")
      .sort(),
  ).toEqual([...violations, ...REFUSALS].sort());
});

test("the guide for site owners has a line for every verdict of the diagnosis", () => {
  const verdicts = unionIn("client/diagnose.ts", "readonly verdict:");
  expect(verdicts.length).toBeGreaterThan(10);
  const table = section("client/guide-site-owner.md", "## 6. When nothing is shared");
  const listed = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, verdict = ""]) => verdict);
  expect(listed.sort()).toEqual(verdicts.sort());
});

test("the tracker's README has every reason not to vouch for a URL, with its status", () => {
  const codes = [...read("tracker/attest/refusal.ts").matchAll(/^ {2}"?([a-z-]+)"?: \{/gm)];
  const meant = codes.map(([, code = ""]) => [code, meaningOf(code as RefusalCode).status]);
  expect(meant.length).toBeGreaterThan(10);
  const listed = rowsOf(section("tracker/README.md", "## Attested manifests")).flatMap(
    ([cell = "", statuses = ""]) => {
      const numbers = statuses.split(", ").map(Number);
      return between(cell).map((code, at) => [code, numbers[at] ?? numbers[0]]);
    },
  );
  expect(listed.sort()).toEqual(meant.sort());
});

test("the tracker's README has every reason not to purge", () => {
  const problems = read("tracker/purge/purge-request.ts").matchAll(
    /\bproblem\(\s*\d+,\s*"([a-z-]+)"/g,
  );
  const [, sentence = ""] = section("tracker/README.md", "## Purging").split("with a `code`: ");
  const [listed = ""] = sentence.split(/\.\s/);
  expect(between(listed).sort()).toEqual([...problems].map(([, code = ""]) => code).sort());
});

test("the tracker's README names every script that it serves", () => {
  const paths = between(section("tracker/README.md", "## HTTP")).flatMap((words) =>
    words.startsWith("GET ") ? words.slice(4) : words,
  );
  for (const name of SCRIPT_NAMES) expect(paths).toContain(`/${name}`);
});

test("every metric that a document names is there", async () => {
  const tracker = await startTracker({ port: 0 });
  try {
    const known = await (await fetch(`${tracker.url}/metrics`)).text();
    const named = documents().flatMap(({ text }) => [
      ...text.matchAll(/\b(?:shoal|nodejs|process)_[a-z\d]+(?:_[a-z\d]+)*\b/g),
    ]);
    const names = new Set(named.map(([name]) => name));
    expect(names.size).toBeGreaterThan(10);
    for (const name of names) expect(known).toContain(`# TYPE ${name} `);
  } finally {
    await tracker.close({ graceful: false });
  }
});

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

test.each(documents())("every link of $path leads somewhere", (document) => {
  const broken: string[] = [];
  for (const [, , target = ""] of proseOf(document).matchAll(/\[([^\]]*)\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target)) continue;
    const [file = "", anchor] = target.split("#");
    const path = file === "" ? document.path : posix.join(dirname(document.path), file);
    if (!existsSync(join(ROOT, path))) broken.push(target);
    else if (anchor !== undefined && !anchorsOf(path).includes(anchor)) broken.push(target);
  }
  expect(broken).toEqual([]);
});

function anchorsOf(path: string): string[] {
  const prose = proseOf({ path, text: read(path) });
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));
}

/** Sources below a folder, by the name without an ending. */
function sourcesIn(folder: string, besides: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts") && !besides.test(path))
    .map((path) => posix.basename(path, ".ts"));
}

test.each([
  ["client/README.md", "client", /^$/],
  ["tracker/README.md", "tracker", /^dashboard\/view/],
  ["demo/README.md", "demo", /^$/],
])("the tour of %s passes every file", (path, folder, besides) => {
  const tour = proseOf({ path, text: read(path) });
  const missed = sourcesIn(folder, besides).filter(
    (name) => !new RegExp(`(^|[^\\w-])${name}([^\\w-]|$)`, "m").test(tour),
  );
  expect(missed).toEqual([]);
});

test("the blocks of a document are found, indented ones as well", () => {
  const text = "a\n\n1. b\n\n   ```sh\n   npm ci\n   ```\n\n```\nplain\n```\n";
  expect(blocksOf({ path: "a.md", text })).toEqual([
    { path: "a.md", line: 5, language: "sh", text: "npm ci" },
    { path: "a.md", line: 9, language: "", text: "plain" },
  ]);
});

test("the words of a union are found, templates spelled out", () => {
  expect(wordsOfUnion(`"a/b" | \`c/\${"d" | "e-f"}\` | "g"`)).toEqual(["a/b", "c/d", "c/e-f", "g"]);
});
