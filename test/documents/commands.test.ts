// Every command in the documents means something: its script exists, its options are taken by the real parser, its files
// are there, and requests to a tracker are answered as they say. What cannot be judged here is a complaint, so that no
// command gets into a document unseen.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publishFlags } from "../../tracker/manifest/publish-flags.ts";
import { readOptions } from "../../tracker/options.ts";
import { type RunningTracker, startTracker } from "../../tracker/server.ts";
import { mistakeIn } from "../api/main.ts";
import { parseOptions } from "../bench/options.ts";
import { main as benchTracker } from "../load/main.ts";
import { run as simulate } from "../scenario/command.ts";
import { SCENARIOS } from "../scenario/scenarios.ts";
import { type Command, commandLine, commandsOf, documents, ROOT } from "../support/documents.ts";

const PURGE_TOKEN = "a purge token of the documents, 32 characters or more";

let folder: string;
let tracker: RunningTracker;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-documents-"));
  const key = join(folder, "key.json");
  tracker = await startTracker({ port: 0, key, purgeToken: PURGE_TOKEN, dashboard: true });
});
afterAll(async () => {
  await tracker.close({ graceful: false });
  await rm(folder, { recursive: true, force: true });
});

const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

type Words = readonly string[];
/** What is wrong, in words; nothing when all is well. */
type Verdict = string | undefined;

/** By script of `package.json`, what its words behind `--` are read by. */
const PARSERS: Readonly<Record<string, (words: Words) => Verdict | Promise<Verdict>>> = {
  api: mistakeIn,
  tracker: judgeTracker,
  "publish-manifest": judgePublish,
  bench(words) {
    const works = readdirSync(join(ROOT, "test/bench/works"));
    // The works themselves bring browsers and rivals along, which nobody needs for a name.
    const names = works.flatMap((file) => {
      const text = readFileSync(join(ROOT, "test/bench/works", file), "utf8");
      return [...text.matchAll(/^ {2}name: "(.+)",$/gm)].map(([, name = ""]) => name);
    });
    const parsed = parseOptions(words, names);
    return parsed.ok ? undefined : parsed.problem;
  },
  async "bench:tracker"(words) {
    const code = await benchTracker([...words, "--help"]);
    return code === 0 ? undefined : "bench:tracker does not take this";
  },
  async sim(words) {
    let complaint: Verdict;
    const untold = SCENARIOS.map((scenario) => ({
      ...scenario,
      tell: () => Promise.reject(new Error("not told")),
    }));
    const complain = (line: string): void => {
      complaint ??= line;
    };
    const code = await simulate(words, { scenarios: untold, say() {}, complain });
    return code === 2 ? complaint : undefined;
  },
};

function judgeTracker(words: Words): Verdict {
  const command = readOptions(words, {});
  return command.kind === "mistake" ? command.sentence : undefined;
}

function judgePublish(words: Words): Verdict {
  const flags = publishFlags(words);
  return typeof flags === "object" && "refusal" in flags ? flags.refusal : undefined;
}

function judgeShoal([command, ...words]: Words): Verdict {
  if (command === "tracker") return judgeTracker(words);
  if (command === "publish") return judgePublish(words);
  return /^--(help|version)$/.test(command ?? "") ? undefined : `shoal has no ${command}`;
}

function judgeNpm([command = "", ...words]: Words): Verdict | Promise<Verdict> {
  if (command === "ci" || command === "install") {
    return words.length === 0 ? undefined : "nothing is to be installed by name";
  }
  if (command === "pack" && words.length === 0) return undefined;
  const name = command === "run" ? words[0] : command;
  if (name === undefined || !(name in scripts)) return `there is no script ${name}`;
  const behind = words.slice(command === "run" ? 1 : 0);
  if (behind.length === 0) return undefined;
  if (behind[0] !== "--") return "npm keeps words to itself that stand before --";
  const parse = PARSERS[name];
  return parse === undefined ? `nobody reads the words of ${name}` : parse(behind.slice(1));
}

function judgeNpx([command, ...words]: Words): Verdict {
  if (command === "shoal") return judgeShoal(words);
  if (command === "vitest" && words[0] === "run") return judgePaths(words.slice(1));
  if (command === "playwright" && words[0] === "test") return judgeBrowserTests(words.slice(1));
  return `${command} is not ours`;
}

const judgePaths = (paths: Words): Verdict => {
  const missing = paths.find((path) => !existsSync(join(ROOT, path)));
  return missing === undefined ? undefined : `there is no ${missing}`;
};

function judgeBrowserTests(words: Words): Verdict {
  const specs = readdirSync(join(ROOT, "test/browser")).filter((name) => /\.spec\.ts$/.test(name));
  const [flag, title = ""] = words;
  if (flag !== "-g") {
    const unknown = words.find((word) => !specs.some((name) => `browser/${name}`.includes(word)));
    return unknown === undefined ? undefined : `no spec is called ${unknown}`;
  }
  const isThere = specs.some((name) => {
    const text = readFileSync(join(ROOT, "test/browser", name), "utf8");
    return [...text.matchAll(/\btest\(\s*["`](.*)["`]/g)].some((test) => test[1]?.includes(title));
  });
  return isThere ? undefined : `no browser test is called "${title}"`;
}

/** Asks a tracker that runs here instead of the one in the URL, and wants a good answer. */
async function judgeCurl(words: Words): Promise<Verdict> {
  const given = { method: "GET", headers: new Headers(), body: "", url: "" };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const value = (): string => words[++at]?.replace("$SHOAL_PURGE_TOKEN", PURGE_TOKEN) ?? "";
    if (word === "-X") given.method = value();
    else if (word === "-d") given.body = value();
    else if (word === "-H") {
      const [name = "", text = ""] = value().split(/: (.*)/);
      given.headers.set(name, text);
    } else if (word.startsWith("https://")) given.url = word;
    else if (!/^-f?sS?$/.test(word)) return `curl ${word} is not understood here`;
  }
  const { pathname, search } = new URL(given.url);
  const { method, headers, body } = given;
  const answer = await fetch(`${tracker.url}${pathname}${search}`, {
    method,
    headers,
    ...(body === "" ? {} : { body }),
  });
  return answer.ok ? undefined : `the tracker answers ${answer.status}: ${await answer.text()}`;
}

/** Where it is installed, its own list of options; elsewhere the browser test of relays is all there is. */
function judgeCoturn(words: Words): Verdict {
  const { stdout, stderr, error } = spawnSync("turnserver", ["--help"], { encoding: "utf8" });
  if (error !== undefined) return undefined;
  const help = stdout + stderr;
  return words
    .map((word) => word.split("=")[0] ?? "")
    .map((flag) => (help.includes(flag) ? undefined : `coturn has no ${flag}`))
    .find((complaint) => complaint !== undefined);
}

const JUDGES: Readonly<Record<string, (words: Words) => Verdict | Promise<Verdict>>> = {
  npm: judgeNpm,
  npx: judgeNpx,
  shoal: judgeShoal,
  curl: judgeCurl,
  turnserver: judgeCoturn,
  node: (words) => {
    // Small enough to be run: they print a secret.
    const printed = execFileSync(process.execPath, words, { encoding: "utf8" }).trim();
    return printed.length >= 32 ? undefined : "it prints no secret";
  },
};

async function judge({ words: [command = "", ...words] }: Pick<Command, "words">) {
  const judgement = JUDGES[command];
  return judgement === undefined ? `nobody runs ${command}` : judgement(words);
}

test.each(documents())("the commands of $path mean something", async (document) => {
  const complaints: string[] = [];
  for (const command of commandsOf(document)) {
    const verdict = await judge(command);
    if (verdict !== undefined) {
      complaints.push(`${command.path}:${command.line}: ${command.words.join(" ")}: ${verdict}`);
    }
  }
  expect(complaints).toEqual([]);
});

describe("a command is refused when", () => {
  test.each([
    ["its script does not exist", "npm run fly", /no script fly/],
    ["its option does not exist", "npm run tracker -- --sight https://a.example", /'--sight'/],
    ["its option has a wrong value", "npm run tracker -- --port many", /--port/],
    ["the publisher lacks a word", "npm run publish-manifest -- DIR", /--base-url/],
    ["npm would keep its option", "npm run sim --seeds 2", /before --/],
    ["there is no such scenario", "npm run sim -- --scenario calm", /no scenario "calm"/],
    ["there is no such benchmark", "npm run bench -- --only sprint", /no work "sprint"/],
    ["the bench has no such option", "npm run bench:tracker -- --fast", /does not take/],
    ["its file does not exist", "npx vitest run test/unit/nobody.test.ts", /no test\/unit/],
    ["its test does not exist", 'npx playwright test -g "pigs fly"', /no browser test/],
    ["the tracker refuses it", "curl https://tracker.example.com/purge", /405/],
    ["nobody knows it", "make install", /nobody runs make/],
    ["it comes second", "npm ci && npm run fly", /no script fly/],
  ])("%s", async (_why, text, complaint) => {
    const verdicts = await Promise.all(commandLine(text).map((words) => judge({ words })));
    expect(verdicts.find((verdict) => verdict !== undefined)).toMatch(complaint);
  });
});

test("words are a shell's: quotes, comments, variables in front", () => {
  expect(commandLine(`A=1 npm ci && npm run "x y" -- 'a "b"' # and so on`)).toEqual([
    ["npm", "ci"],
    ["npm", "run", "x y", "--", 'a "b"'],
  ]);
  expect(commandLine("# nothing")).toEqual([]);
});
