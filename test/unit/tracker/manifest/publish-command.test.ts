// The publish command as a person or a build meets it: exit codes, sentences, and what is on disk afterwards.

import { mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { runPublish } from "../../../../tracker/manifest/publish-command.ts";
import { parseManifest } from "../../../../tracker/protocol/manifest.ts";
import { temporaryDirectory, writeFiles } from "./temporary.ts";

/** A stream that remembers, and that may claim to be a terminal. */
class Screen extends Writable {
  text = "";
  readonly isTTY: boolean;
  readonly #drawn: () => void;
  constructor(isTTY = false, drawn: () => void = () => {}) {
    super();
    this.isTTY = isTTY;
    this.#drawn = drawn;
  }
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    this.#drawn();
    done();
  }
}

async function ran(args: readonly string[], stderr = new Screen(), stdout = new Screen()) {
  const code = await runPublish(args, { stdout, stderr });
  return { code, out: stdout.text, err: stderr.text };
}

/** A site and a place for its key, and the arguments that publish it. */
async function site(files: Readonly<Record<string, string>> = { "a.txt": "a" }) {
  const directory = await temporaryDirectory();
  await writeFiles(directory, files);
  const key = join(await temporaryDirectory(), "key.json");
  const args = [directory, "--base-url", "https://site.example", "--key", key];
  return { directory, key, args, manifest: join(directory, ".well-known", "shoal.json") };
}

async function manifestIn(file: string) {
  const parsed = parseManifest(await readFile(file, "utf8"));
  if (!parsed.ok) throw new Error(parsed.path);
  return parsed.manifest;
}

describe("a directory", () => {
  test("is published where pages look for it, and the command says where", async () => {
    const { args, manifest } = await site({ "a.txt": "a", "b/c.txt": "c" });
    const { code, out, err } = await ran(args);
    expect(code).toBe(0);
    expect(out).toContain(`Wrote ${manifest}\n`);
    expect(out).toMatch(/^Published 2 files, 2 URLs, 2 B in /);
    expect(err).toMatch(/^Made a signing key: .*do not publish it\.\n$/);
    const { assets, key } = await manifestIn(manifest);
    expect(assets.map(({ url }) => url)).toEqual([
      "https://site.example/a.txt",
      "https://site.example/b/c.txt",
    ]);
    expect(out).toContain(`Public key ${key}\n`);
  });

  test("published again has the same key, a later epoch and not the manifest itself", async () => {
    const { args, manifest } = await site();
    await ran(args);
    const first = await manifestIn(manifest);
    const { code, err } = await ran(args);
    const second = await manifestIn(manifest);
    expect([code, err]).toEqual([0, ""]);
    expect(second.key).toBe(first.key);
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(second.assets).toHaveLength(1);
  });

  test("gets a later epoch even when the clock was set back", async () => {
    const { args, manifest } = await site();
    await ran(args);
    const future = Date.now() + 3_600_000;
    const text = await readFile(manifest, "utf8");
    await writeFile(manifest, text.replace(/"epoch":\d+/, `"epoch":${future}`));
    await ran(args);
    expect((await manifestIn(manifest)).epoch).toBe(future + 1);
  });

  test("can have its manifest elsewhere, and its chunks of another size", async () => {
    const { args, manifest } = await site();
    const out = join(await temporaryDirectory(), "deep", "manifest.json");
    expect((await ran([...args, `--out=${out}`, "--chunk-kb", "64"])).code).toBe(0);
    expect((await manifestIn(out)).assets[0]?.chunkBytes).toBe(64 * 1024);
    await expect(stat(manifest)).rejects.toThrow("ENOENT");
  });

  test("whose manifest was signed with another key is published with a note", async () => {
    const { args, key } = await site();
    await ran(args);
    const { code, err } = await ran(args.with(-1, `${key}.2`));
    expect(code).toBe(0);
    expect(err).toContain("signed with another key");
  });

  test("leaves no drafts beside its manifest", async () => {
    const { args, directory } = await site();
    await ran(args);
    expect(await readdir(join(directory, ".well-known"))).toEqual(["shoal.json"]);
  });
});

test("progress is drawn on a terminal and nowhere else", async () => {
  const { args } = await site();
  const terminal = await ran(args, new Screen(true));
  expect(terminal.err).toContain("\r\u001b[K[");
  expect(terminal.err.endsWith("\r\u001b[K")).toBe(true);
  expect((await ran(args)).err).toBe("");
});

test("--help explains every flag and does nothing", async () => {
  const { code, out } = await ran(["--help"]);
  expect(code).toBe(0);
  for (const flag of ["DIR", "--base-url", "--out", "--key", "--chunk-kb"]) {
    expect(out).toContain(flag);
  }
});

describe("wrong usage is one sentence that names the culprit, and exit code 2:", () => {
  const base = ["--base-url", "https://site.example"];
  test.each([
    ["no directory", base, "DIR is missing"],
    ["two directories", ["/tmp", "/var", ...base], "DIR may be one directory"],
    ["no such directory", ["/does/not/exist", ...base], "DIR must be a directory"],
    ["no base URL", ["/tmp"], "--base-url is missing"],
    ["a base URL that is none", ["/tmp", "--base-url", "site"], "--base-url must be"],
    ["a flag without value", ["/tmp", "--base-url"], "--base-url needs a value"],
    ["a flag for a value", ["/tmp", "--base-url", "--out", "x"], "--base-url needs a value"],
    ["an empty value", ["/tmp", ...base, "--out="], "--out needs a value"],
    ["a flag given twice", ["/tmp", ...base, ...base], "--base-url may be given once"],
    ["an unknown flag", ["/tmp", ...base, "--chunks", "1"], "no flag --chunks"],
    ["no chunks", ["/tmp", ...base, "--chunk-kb", "0"], "--chunk-kb must be"],
    ["chunks too large", ["/tmp", ...base, "--chunk-kb", "4097"], "--chunk-kb must be"],
    ["half a chunk", ["/tmp", ...base, "--chunk-kb", "1.5"], "--chunk-kb must be"],
    ["a key nowhere", ["/tmp", ...base, "--key", "/does/not/exist"], "--key must lie in"],
  ])("%s", async (_, args, sentence) => {
    const { code, out, err } = await ran(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(sentence);
    expect(err).toMatch(/^shoal publish: [^\n]+\n$/);
  });

  test.each(["key.json", "deep/key.json", ".hidden/key.json"])(
    "a key in the directory, at %s",
    async (place) => {
      const { args, directory } = await site({ "deep/a.txt": "a", ".hidden/b": "b" });
      const { code, err } = await ran(args.with(-1, join(directory, place)));
      expect(code).toBe(2);
      expect(err).toContain("--key must lie outside DIR");
      await expect(stat(join(directory, place))).rejects.toThrow("ENOENT");
    },
  );
});

describe("a failure is one sentence, exit code 1, and an untouched disk:", () => {
  test("a key file that is no key", async () => {
    const { args, key, manifest } = await site();
    await writeFile(key, "{}");
    const { code, err } = await ran(args);
    expect(code).toBe(1);
    expect(err).toBe(`shoal publish: ${key} is not a private ECDSA P-256 key in JWK form.\n`);
    await expect(stat(manifest)).rejects.toThrow("ENOENT");
  });

  test("an output that exists and is no manifest", async () => {
    const { args, directory } = await site({ "index.html": "precious" });
    const { code, err } = await ran([...args, "--out", join(directory, "index.html")]);
    expect(code).toBe(1);
    expect(err).toContain("index.html exists and is not a manifest");
    expect(await readFile(join(directory, "index.html"), "utf8")).toBe("precious");
  });

  test("an output below a file", async () => {
    const { args, directory } = await site();
    const { code, err } = await ran([...args, "--out", join(directory, "a.txt", "shoal.json")]);
    expect(code).toBe(1);
    expect(err).toMatch(/cannot be (read|written) \(ENOTDIR\)/);
  });

  test("an output that is a directory", async () => {
    const { args, directory } = await site();
    await mkdir(join(directory, "out"));
    const { code, err } = await ran([...args, "--out", join(directory, "out")]);
    expect(code).toBe(1);
    expect(err).toContain("cannot be read (EISDIR)");
  });
});

test("Ctrl-C in the middle leaves the old manifest and no half file", async () => {
  const { args, directory, manifest } = await site();
  await ran(args);
  const before = await readFile(manifest, "utf8");
  await truncate(join(directory, "a.txt"), 64 * 1024 * 1024);
  // Other listeners of this process, such as the test runner's, are none of this test's business.
  const others = process.listeners("SIGINT");
  process.removeAllListeners("SIGINT");
  const terminal = new Screen(true, () => process.emit("SIGINT"));
  const { code, err } = await ran(args, terminal);
  for (const other of others) process.on("SIGINT", other);
  expect(code).toBe(130);
  expect(err).toContain("interrupted; nothing was written");
  expect(await readFile(manifest, "utf8")).toBe(before);
  expect(await readdir(join(directory, ".well-known"))).toEqual(["shoal.json"]);
  expect(process.listeners("SIGINT")).toEqual(others);
});

test("--watch says in one line of JSON what it published, and SIGTERM ends it well", async () => {
  const { args, manifest } = await site();
  const others = process.listeners("SIGTERM");
  process.removeAllListeners("SIGTERM");
  const log = new Screen(false, () => process.emit("SIGTERM"));
  const { code, out } = await ran([...args, "--watch"], new Screen(), log);
  for (const other of others) process.on("SIGTERM", other);
  expect(code).toBe(0);
  const lines = out.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ event: "published" }]);
  expect((await manifestIn(manifest)).epoch).toBe(JSON.parse(lines[0] ?? "").epoch);
  expect(process.listeners("SIGTERM")).toEqual(others);
});
