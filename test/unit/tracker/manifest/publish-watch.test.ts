// A directory that is watched, with real files and the system's own notifications: what comes is published, what is being
// written is not, what changes is the origin's. Every wait is for a line of the log.

import { open, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test as plain } from "vitest";
import { openSigningKey } from "../../../../tracker/manifest/keys.ts";
import { publishAndWatch, type WatchEvent } from "../../../../tracker/manifest/publish-watch.ts";
import { parseManifest } from "../../../../tracker/protocol/manifest.ts";
import { temporaryDirectory, writeFiles } from "./temporary.ts";

type Published = Extract<WatchEvent, { event: "published" }>;

/** Long ago, for all that a watcher knows. */
const OLD = new Date(Date.now() - 3_600_000);

class Watch {
  readonly directory: string;
  readonly out: string;
  readonly #log: WatchEvent[] = [];
  #read = 0;
  #heard = (): void => {};
  readonly #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  private constructor(directory: string) {
    this.directory = directory;
    this.out = join(directory, ".well-known", "shoal.json");
  }

  /** Over files that have been there for long. */
  static async over(files: Readonly<Record<string, string>>): Promise<Watch> {
    const watch = new Watch(await temporaryDirectory());
    await writeFiles(watch.directory, files);
    for (const path of Object.keys(files)) await utimes(watch.path(path), OLD, OLD);
    return watch;
  }
  async start(): Promise<Published> {
    const { key } = await openSigningKey(join(await temporaryDirectory(), "key.json"));
    this.#ended = publishAndWatch(
      {
        directory: this.directory,
        baseUrl: new URL("https://site.example/"),
        out: this.out,
        leftOut: [this.out],
      },
      {
        key,
        signal: this.#stop.signal,
        log: (event) => {
          this.#log.push(event);
          this.#heard();
        },
      },
    );
    onTestFinished(() => this.stop().catch(() => {}));
    return Promise.race([this.next(), this.#ended.then(() => Promise.reject(new Error("ended")))]);
  }
  stop(): Promise<void> {
    this.#stop.abort();
    return this.#ended;
  }
  path(path: string): string {
    return join(this.directory, path);
  }
  /** As packagers do: under a hidden name first. */
  async moveIn(path: string, content: string): Promise<void> {
    const draft = this.path(`.${path.replaceAll("/", "-")}.part`);
    await writeFile(draft, content);
    await rename(draft, this.path(path));
  }
  async event(): Promise<WatchEvent> {
    for (;;) {
      const event = this.#log[this.#read];
      if (event !== undefined) {
        this.#read++;
        return event;
      }
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }
  /** The next publication. */
  async next(): Promise<Published> {
    const event = await this.event();
    if (event.event === "failed") throw new Error(event.message);
    return event;
  }
  /** The first publication that this is true of; failures in front of it are passed over. */
  async until(isIt: (event: Published, paths: readonly string[]) => boolean): Promise<Published> {
    for (;;) {
      const event = await this.event();
      if (event.event === "published" && isIt(event, await this.paths())) return event;
    }
  }
  async manifest() {
    const parsed = parseManifest(await readFile(this.out, "utf8"));
    if (!parsed.ok) throw new Error(`${parsed.path} must be ${parsed.expected}`);
    return parsed.manifest;
  }
  async paths(): Promise<readonly string[]> {
    const { assets } = await this.manifest();
    return assets.map(({ url }) => new URL(url).pathname.slice(1));
  }
}

/** Everything here waits for the system: more at once would only wait for each other. */
const test = plain.sequential;

test("what is there is published at once", async () => {
  const watch = await Watch.over({ "a.m4s": "a", "live/b.m4s": "bb" });
  expect(await watch.start()).toMatchObject({
    urls: 2,
    added: 2,
    changed: 0,
    removed: 0,
    bytes: 3,
  });
  expect(await watch.paths()).toEqual(["a.m4s", "live/b.m4s"]);
});

test("segments that come are read and signed, others are not again, and the epoch stays", async () => {
  const watch = await Watch.over({ "0.m4s": "zero" });
  const { epoch } = await watch.start();
  const before = await watch.manifest();
  await watch.moveIn("1.m4s", "one");
  expect(await watch.next()).toMatchObject({ epoch, urls: 2, added: 1, removed: 0, bytes: 3 });
  await rm(watch.path("0.m4s"));
  expect(await watch.next()).toMatchObject({ epoch, urls: 1, added: 0, removed: 1, bytes: 0 });
  await watch.moveIn("0.m4s", "zero");
  expect(await watch.next()).toMatchObject({ epoch, urls: 2, added: 1 });
  const after = await watch.manifest();
  expect(after.assets[0]?.signature).toEqual(before.assets[0]?.signature);
});

test("a folder that comes later is watched as well", async () => {
  const watch = await Watch.over({ "a.m4s": "a" });
  await watch.start();
  await writeFiles(watch.directory, { "new/b.m4s": "b" });
  await watch.until((_, paths) => paths.includes("new/b.m4s"));
  await watch.moveIn("new/c.m4s", "c");
  await watch.until((_, paths) => paths.includes("new/c.m4s"));
});

test("a file that is written bit by bit is published whole, and not before", async () => {
  const watch = await Watch.over({ "a.m4s": "a" });
  await watch.start();
  const file = await open(watch.path("b.m4s"), "w");
  let written = Promise.resolve(0);
  const write = (): void => {
    written = written.then(async (before) => before + (await file.write("bit")).bytesWritten);
  };
  write();
  await written;
  const writing = setInterval(write, 100);
  // Another file comes and is published: the half one was looked at, and left out.
  await watch.moveIn("c.m4s", "c");
  await watch.next();
  expect(await watch.paths()).toEqual(["a.m4s", "c.m4s"]);
  clearInterval(writing);
  const size = await written;
  await file.close();
  const { bytes } = await watch.until((_, paths) => paths.includes("b.m4s"));
  expect(bytes).toBe(size);
});

test("a playlist is not published while it changes", async () => {
  const watch = await Watch.over({ "a.m4s": "a", "vod.m3u8": "#EXTM3U" });
  await watch.start();
  expect(await watch.paths()).toEqual(["a.m4s", "vod.m3u8"]);
  await watch.moveIn("live.m3u8", "#EXTM3U 1");
  await watch.moveIn("b.m4s", "b");
  await watch.next();
  expect(await watch.paths()).toEqual(["a.m4s", "b.m4s", "vod.m3u8"]);
});

test("a file with other bytes is the origin's until it is old, and then raises the epoch for all", async () => {
  const watch = await Watch.over({ "a.txt": "first", "b.txt": "b" });
  const first = await watch.start();
  await watch.moveIn("a.txt", "second");
  expect(await watch.next()).toMatchObject({ epoch: first.epoch, urls: 1, removed: 1 });
  await utimes(watch.path("a.txt"), OLD, OLD);
  const second = await watch.next();
  expect(second).toMatchObject({ urls: 2, added: 1 });
  expect(second.epoch).toBeGreaterThan(first.epoch);
  const { assets } = await watch.manifest();
  expect(assets.map(({ epoch }) => epoch)).toEqual([second.epoch, second.epoch]);
});

test("a file that was only touched is the same file", async () => {
  const watch = await Watch.over({ "a.txt": "a" });
  const { epoch } = await watch.start();
  const before = new Date(OLD.getTime() - 1000);
  await utimes(watch.path("a.txt"), before, before);
  await watch.moveIn("b.txt", "b");
  const later = await watch.until((_, paths) => paths.length === 2);
  expect(later.epoch).toBe(epoch);
});

test("a failure is told with its code, leaves what is published, and is made good", async () => {
  const watch = await Watch.over({ "a.txt": "a" });
  await watch.start();
  const long = `${"x".repeat(240)}/`.repeat(9);
  await writeFiles(watch.directory, { [`${long}b.txt`]: "b" });
  await utimes(watch.path(`${long}b.txt`), OLD, OLD);
  const event = await watch.event();
  expect(event).toMatchObject({ event: "failed", code: "publish/long-url" });
  expect(await watch.paths()).toEqual(["a.txt"]);
  await rm(watch.path(`${"x".repeat(240)}`), { recursive: true });
  await watch.moveIn("c.txt", "c");
  await watch.until((_, paths) => paths.includes("c.txt"));
});

test("ends when it is told to, and writes nothing afterwards", async () => {
  const watch = await Watch.over({ "a.txt": "a" });
  await watch.start();
  await watch.stop();
  await watch.moveIn("b.txt", "b");
  expect(await watch.paths()).toEqual(["a.txt"]);
});

test("a place that holds something else than a manifest is not written to", async () => {
  const watch = await Watch.over({ ".well-known/shoal.json": "mine", "a.txt": "a" });
  await expect(watch.start()).rejects.toMatchObject({ code: "publish/not-a-manifest" });
  expect(await readFile(watch.out, "utf8")).toBe("mine");
});
