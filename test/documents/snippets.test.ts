// Every snippet in the documents holds: tags have attributes that Shoal takes, code compiles against the published types,
// configuration parses. What runs for real in another test is named in test/README.md, and that test reads it.

import { execFile, execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { TEXTS } from "../../client/notice.ts";
import { readAttributes } from "../../client/options.ts";
import { TRACKER_USAGE } from "../../tracker/command.ts";
import { readOptions } from "../../tracker/options.ts";
import { parseRules } from "../../tracker/region/rules.ts";
import { type Block, blocksOf, documents, proseOf, ROOT } from "../support/documents.ts";

/** Declarations, as the compiler has emitted them already. */
const REFERENCE = "client/api.md";
const BLOCKS = documents()
  .filter(({ path }) => path !== REFERENCE)
  .flatMap(blocksOf);
const of = (...languages: readonly string[]): Block[] =>
  BLOCKS.filter(({ language }) => languages.includes(language));
const placeOf = ({ path, line }: Pick<Block, "path" | "line">): string => `${path}:${line}`;
const beginningOf = ({ text }: Block): string => text.split("\n")[0]?.slice(0, 60) ?? "";
const named = (blocks: readonly Block[]): [string, Block][] =>
  blocks.map((block) => [`${block.path}, "${beginningOf(block)}"`, block]);

test("every block is of a kind that is judged, or plain text", () => {
  // `sh` is judged in commands.test.ts.
  const kinds = ["", "text", "sh", "html", "js", "ts", "json", "jsonc", "env", "nginx"];
  expect(BLOCKS.filter(({ language }) => !kinds.includes(language)).map(placeOf)).toEqual([]);
});

test("no code hides in an indented paragraph", () => {
  const hidden = documents().filter((document) => /\n\n {4,}[^\s*-]/.test(proseOf(document)));
  expect(hidden.map(({ path }) => path)).toEqual([]);
});

/** What is wrong with the script tags of a page. */
function complaintsAbout(html: string): string[] {
  const complaints: string[] = [];
  for (const [, attributes = ""] of html.matchAll(/<script\s([^>]*)>/g)) {
    if (!/src="[^"]*\/shoal\.js"/.test(attributes)) continue;
    for (const [, name = "", , double, single] of attributes.matchAll(
      /([\w-]+)(=(?:"([^"]*)"|'([^']*)'))?/g,
    )) {
      if (!name.startsWith("data-")) {
        if (!/^(src|async|defer|nonce|integrity|crossorigin)$/.test(name))
          complaints.push(`a script has no ${name}`);
        continue;
      }
      complaints.push(...complaintsAboutAttribute(name, double ?? single ?? ""));
    }
  }
  return complaints;
}

function complaintsAboutAttribute(name: string, value: string): string[] {
  if (name === "data-badge" || name === "data-downloads") {
    return /^(on|off)$/.test(value) ? [] : [`${name} is ${value}`];
  }
  if (name === "data-texts") {
    const unknown = Object.keys(JSON.parse(value)).filter((text) => !(text in TEXTS));
    return unknown.map((text) => `data-texts has no ${text}`);
  }
  const warnings: string[] = [];
  const camel = name.slice(5).replace(/-(.)/g, (_all, letter: string) => letter.toUpperCase());
  const options = readAttributes({ [camel]: value }, "https://www.example.com/", (warning) =>
    warnings.push(warning),
  );
  if (warnings.length === 0 && Object.keys(options).length === 0)
    return [`there is no attribute ${name}`];
  return warnings;
}

test.each(named(of("html")))("%s: the tags are taken as they are", (_name, { text }) => {
  expect(complaintsAbout(text)).toEqual([]);
});

describe("a tag is refused with", () => {
  const tag = (rest: string): string =>
    `<script src="https://t.example/shoal.js" ${rest}></script>`;
  test.each([
    ["an attribute that is not there", 'data-regoin="x"', /no attribute data-regoin/],
    ["a value that Shoal would ignore", 'data-consent="maybe"', /Shoal ignores data-consent/],
    ["a badge that is neither on nor off", 'data-badge="yes"', /data-badge/],
    ["a text that nobody shows", `data-texts='{"accpet":"Ja"}'`, /no accpet/],
    ["something that no script has", "asnyc", /no asnyc/],
  ])("%s", (_why, rest, complaint) => {
    expect(complaintsAbout(tag(rest)).join()).toMatch(complaint);
  });
  test("nothing when all is well", () => {
    const rest = `async data-relay-only data-cache-mb="50" data-texts='{"accept":"Ja"}'`;
    expect(complaintsAbout(tag(rest))).toEqual([]);
  });
});

/** What the script tag adds to a page, what a tracker serves, and elements that a page has and a snippet only names. */
const GLOBALS = `declare const shoal: import("shoal").Client;
declare const Shoal: typeof import("../types/client/script-tag.ts");
declare module "https://tracker.example.com/shoal.mjs" { export * from "shoal"; }
declare module "https://tracker.example.com/shoal-notice.mjs" { export * from "shoal/notice"; }
declare module "https://tracker.example.com/shoal-save.mjs" { export * from "shoal/save"; }
declare const button: HTMLButtonElement;
declare const bar: HTMLProgressElement;
declare const video: HTMLVideoElement;`;
/** Names of the tests' own, for their own document. */
const PRELUDES: Readonly<Record<string, string>> = {
  "test/README.md": `import { storeBattery } from "../../test/contract/store.ts"; import { memoryStore } from "../../client/browser/store-memory.ts"; import { startSite } from "../../test/support/servers.ts"; declare const body: Uint8Array;`,
};
const CONFIG = {
  extends: "../../tsconfig.base.json",
  compilerOptions: {
    composite: false,
    emitDeclarationOnly: false,
    noEmit: true,
    rootDir: "../..",
    allowJs: true,
    checkJs: true,
    // Nobody writes types into a snippet of JavaScript, and a snippet may declare what it does not use.
    noImplicitAny: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    lib: ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable", "WebWorker.ImportScripts"],
    types: ["node"],
  },
  include: ["."],
};

interface Snippet extends Pick<Block, "path" | "line" | "text"> {
  readonly language: "js" | "ts";
}

/** Code blocks, and scripts inside of pages. */
function snippets(): Snippet[] {
  const code = of("js", "ts").map((block): Snippet => {
    return { ...block, language: block.language === "ts" ? "ts" : "js" };
  });
  const inline = of("html").flatMap(({ path, line, text }) =>
    [...text.matchAll(/<script(?: type="module")?>\n([\s\S]*?)<\/script>/g)].map(
      ({ 1: script = "", index }): Snippet => ({
        path,
        line: line + text.slice(0, index).split("\n").length,
        text: script,
        language: "js",
      }),
    ),
  );
  return [...code, ...inline];
}

/** Compiles them all as one program, each a module of its own; the compiler's complaints, by their place in the documents. */
async function compiled(all: readonly Snippet[]): Promise<string[]> {
  await mkdir(join(ROOT, "dist"), { recursive: true });
  // Inside of the package, so that `shoal` is found by the package's own exports.
  const folder = await mkdtemp(join(ROOT, "dist/snippets-"));
  try {
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(CONFIG));
    await writeFile(join(folder, "globals.d.ts"), GLOBALS);
    const files = all.map((snippet, at) => ({
      snippet,
      name: `snippet-${at}.${snippet.language}`,
    }));
    for (const { snippet, name } of files) {
      const prelude = PRELUDES[snippet.path] ?? "";
      await writeFile(join(folder, name), `export {}; ${prelude}\n${snippet.text}\n`);
    }
    const words = ["node_modules/typescript/bin/tsc", "--pretty", "false", "-p", folder];
    const run = promisify(execFile)(process.execPath, words, { cwd: ROOT });
    const { stdout } = await run.catch((error: { stdout: string }) => error);
    return stdout
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith(" "))
      .map((line) => {
        const [, name, at, complaint] = /([\w-]+\.[jt]s)\((\d+),\d+\): (.*)$/.exec(line) ?? [];
        const snippet = files.find((file) => file.name === name)?.snippet;
        return snippet === undefined
          ? line
          : `${snippet.path}:${snippet.line + Number(at) - 1}: ${complaint}`;
      });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("code", () => {
  beforeAll(() => {
    execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-b", "client", "tracker"], {
      cwd: ROOT,
    });
  }, 120_000);

  test("compiles against the published types", async () => {
    const all = snippets();
    expect(all.length).toBeGreaterThan(5);
    expect(await compiled(all)).toEqual([]);
  });

  test("that does not is told with its place", async () => {
    const text = 'const response = await shoal.fetch("/film");\nresponse.bytesFromPeers;';
    const [first = "", ...more] = await compiled([{ path: "a.md", line: 7, text, language: "js" }]);
    expect(first).toMatch(/^a\.md:9: .*bytesFromPeers/);
    expect(more).toEqual([]);
  });
});

test.each(named(of("json", "jsonc")))("%s: the file can be read", (_name, { language, text }) => {
  if (language === "json") expect(JSON.parse(text)).toBeTypeOf("object");
  // The one file of ours in which comments are allowed.
  else expect(parseRules(text)).toMatchObject({ ok: true });
});

test.each(named(of("env")))("%s: the tracker takes these variables", (_name, { text }) => {
  const variables = Object.fromEntries(text.split("\n").map((line) => line.split(/=(.*)/, 2)));
  expect(readOptions([], variables)).toMatchObject({ kind: "run" });
  const known = [...TRACKER_USAGE.matchAll(/--([a-z-]+)/g)].map(([, flag = ""]) => {
    return `SHOAL_${flag.toUpperCase().replaceAll("-", "_")}`;
  });
  expect(Object.keys(variables).filter((name) => !known.includes(name))).toEqual([]);
});

/** Rows of the table in test/README.md: document, words of the block, the test that runs it. */
const ELSEWHERE = [
  ...readFileSync(join(ROOT, "test/README.md"), "utf8").matchAll(
    /^\| `([\w/-]+\.md)` +\| `([^`]+)` +\| `([\w/-]+\.(?:test|spec)\.ts)` +\|$/gm,
  ),
].map(([, path = "", words = "", runner = ""]) => ({ path, words, runner }));

test("there are blocks that run for real", () => {
  expect(ELSEWHERE.length).toBeGreaterThan(0);
});
test.each(named(of("nginx")))("%s: nginx runs it", (_name, { path, text }) => {
  const row = ELSEWHERE.find((one) => one.path === path && text.includes(one.words));
  expect(row?.runner).toBe("test/unit/tracker/behind-nginx.test.ts");
});
test.each(ELSEWHERE)("$path: what has “$words” is read by $runner", ({ path, words, runner }) => {
  expect(BLOCKS.some((block) => block.path === path && block.text.includes(words))).toBe(true);
  expect(existsSync(join(ROOT, runner))).toBe(true);
  const text = readFileSync(join(ROOT, runner), "utf8");
  expect(text).toContain(path);
  expect(text).toContain(words);
});
