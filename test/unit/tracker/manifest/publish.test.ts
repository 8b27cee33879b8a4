// A directory on disk becomes a manifest: checked against the files by other means than those that made it.

import { createHash, webcrypto } from "node:crypto";
import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { link, mkdir, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { chunkBytesFor } from "../../../../tracker/manifest/file-digests.ts";
import { openSigningKey } from "../../../../tracker/manifest/keys.ts";
import {
  type PublishNeeds,
  type PublishSettings,
  publish,
} from "../../../../tracker/manifest/publish.ts";
import { fromBase64url } from "../../../../tracker/protocol/bytes.ts";
import {
  CHUNK_BYTES,
  MAX_CHUNK_BYTES,
  MAX_CHUNKS,
  parseManifest,
  signedText,
} from "../../../../tracker/protocol/manifest.ts";
import { temporaryDirectory, writeFiles } from "./temporary.ts";

const mebibytes = (count: number) => count * 1024 * 1024;

/** A directory with these files, and how to publish it. */
async function site(files: Readonly<Record<string, string | Uint8Array>>) {
  const directory = await temporaryDirectory();
  await writeFiles(directory, files);
  const { key } = await openSigningKey(join(await temporaryDirectory(), "key.json"));
  const published = async (
    settings: Partial<PublishSettings> = {},
    needs: Partial<PublishNeeds> = {},
  ) => {
    const publication = await publish(
      { directory, baseUrl: new URL("https://site.example/"), epoch: 5, ...settings },
      { key, ...needs },
    );
    const manifest = parseManifest(publication.text);
    if (!manifest.ok) throw new Error(manifest.path);
    const { assets } = manifest.manifest;
    return { publication, assets, paths: assets.map(({ url }) => new URL(url).pathname) };
  };
  return { directory, key, published };
}

/** Not the way the publisher does it: the whole file in memory, cut up. */
function expectedDigests(file: string, chunkBytes: number): string {
  const whole = readFileSync(file);
  const digests: Buffer[] = [];
  for (let at = 0; at < whole.length; at += chunkBytes) {
    digests.push(
      createHash("sha256")
        .update(whole.subarray(at, at + chunkBytes))
        .digest(),
    );
  }
  return Buffer.concat(digests).toString("hex");
}

describe("every file", () => {
  const noise = new Uint8Array(3 * CHUNK_BYTES + 17).map((_, at) => (at * 7919) >> 5);

  test.each([
    ["nothing", 0],
    ["one byte", 1],
    ["a byte less than a chunk", CHUNK_BYTES - 1],
    ["a chunk", CHUNK_BYTES],
    ["a byte more than a chunk", CHUNK_BYTES + 1],
    ["several chunks and a rest", noise.length],
  ])("with %s in it has the digests of its chunks", async (_, length) => {
    const { directory, published } = await site({ "a.bin": noise.subarray(0, length) });
    const { assets } = await published();
    const [asset] = assets;
    expect(asset).toMatchObject({ size: length, chunkBytes: CHUNK_BYTES });
    expect(Buffer.from(asset?.digests ?? []).toString("hex")).toBe(
      expectedDigests(join(directory, "a.bin"), CHUNK_BYTES),
    );
  });

  test("is signed so that a browser can verify it by itself", async () => {
    const { key, published } = await site({ "a.js": "1", "b/c.css": "2" });
    const { assets } = await published();
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    const point = fromBase64url(key.publicKey) ?? new Uint8Array();
    const open = await webcrypto.subtle.importKey("raw", point, curve, true, ["verify"]);
    const signing = { name: "ECDSA", hash: "SHA-256" };
    for (const asset of assets) {
      expect(await webcrypto.subtle.verify(signing, open, asset.signature, signedText(asset))).toBe(
        true,
      );
    }
    expect(assets).toHaveLength(2);
  });

  test("has the URL and the media type it will be served with", async () => {
    const { published } = await site({ "über uns.html": "", "js/app.mjs": "" });
    const { assets } = await published({ baseUrl: new URL("https://site.example/de/") });
    expect(assets.map(({ url, type }) => [url, type])).toEqual([
      ["https://site.example/de/js/app.mjs", "text/javascript; charset=utf-8"],
      ["https://site.example/de/%C3%BCber%20uns.html", "text/html; charset=utf-8"],
    ]);
  });

  test("is listed in an order that depends on names alone", async () => {
    const names = ["b.txt", "a/z.txt", "B.txt", "a/b.txt", "ä.txt", "a.txt", "10.txt", "9.txt"];
    const forwards = await site(Object.fromEntries(names.map((name) => [name, name])));
    const backwards = await site(Object.fromEntries(names.reverse().map((name) => [name, name])));
    const { paths } = await forwards.published();
    expect(paths).toEqual((await backwards.published()).paths);
    expect(paths.map(decodeURIComponent)).toEqual(
      ["10.txt", "9.txt", "B.txt", "a/b.txt", "a/z.txt", "a.txt", "b.txt", "ä.txt"].map(
        (name) => `/${name}`,
      ),
    );
  });
});

test("an index page is published under its directory's URL as well", async () => {
  const { published } = await site({ "index.html": "home", "blog/index.html": "blog" });
  const { paths, publication } = await published();
  expect(paths).toEqual(["/blog/index.html", "/blog/", "/index.html", "/"]);
  expect(publication).toMatchObject({ files: 2, assets: 4, bytes: 8, skipped: [] });
});

test("an empty directory is an empty manifest", async () => {
  const { published } = await site({});
  expect((await published()).assets).toEqual([]);
});

describe("what is not for visitors is left out:", () => {
  test("hidden files and directories, but not .well-known", async () => {
    const { published } = await site({
      ".env": "secret",
      ".git/config": "secret",
      "a/.htpasswd": "secret",
      ".well-known/security.txt": "open",
      "a/b.txt": "open",
    });
    expect((await published()).paths).toEqual(["/.well-known/security.txt", "/a/b.txt"]);
  });

  test("links that leave the directory, however they do it", async () => {
    const { directory, published } = await site({ "in/a.txt": "a" });
    const outside = await temporaryDirectory();
    await writeFiles(outside, { passwd: "secret", "deep/x": "secret" });
    await symlink(join(outside, "passwd"), join(directory, "file.txt"));
    await symlink(outside, join(directory, "folder"));
    await symlink("../..", join(directory, "in", "up"));
    await symlink("nowhere", join(directory, "dangling"));
    const { paths, publication } = await published();
    expect(paths).toEqual(["/in/a.txt"]);
    expect(publication.skipped.map(({ file, why }) => [file.slice(directory.length), why])).toEqual(
      [
        ["/dangling", "link leads nowhere"],
        ["/file.txt", "link leads outside"],
        ["/folder", "link leads outside"],
        ["/in/up", "link leads outside"],
      ],
    );
  });

  test("links to hidden files under an innocent name", async () => {
    const { directory, published } = await site({ ".env": "secret", ".git/config": "secret" });
    await symlink(".env", join(directory, "settings.txt"));
    await symlink(".git", join(directory, "history"));
    expect((await published()).paths).toEqual([]);
  });

  test("links in a circle, though links inside the directory are followed", async () => {
    const { directory, published } = await site({ "a/x.txt": "x" });
    await symlink("..", join(directory, "a", "circle"));
    await symlink("a", join(directory, "b"));
    await symlink("a/x.txt", join(directory, "c.txt"));
    const { paths, publication } = await published();
    expect(paths).toEqual(["/a/x.txt", "/b/x.txt", "/c.txt"]);
    expect(new Set(publication.skipped.map(({ why }) => why))).toEqual(
      new Set(["link leads in a circle"]),
    );
  });

  test("files that are not files", async () => {
    const { directory, published } = await site({ "a.txt": "a" });
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(join(directory, "socket"), resolve));
    const { paths, publication } = await published();
    expect(paths).toEqual(["/a.txt"]);
    expect(publication.skipped).toMatchObject([{ why: "not a file" }]);
  });

  test("a file that is to be left out, by any of its names", async () => {
    const { directory, published } = await site({ "key.json": "secret", "a.txt": "a" });
    await link(join(directory, "key.json"), join(directory, "copy.json"));
    await symlink("key.json", join(directory, "link.json"));
    const { ino } = await stat(join(directory, "key.json"));
    expect((await published({ isLeftOut: (facts) => facts.ino === ino })).paths).toEqual([
      "/a.txt",
    ]);
  });
});

describe("a file that changes while it is read", () => {
  test("once, is read again and published as it is then", async () => {
    const { directory, published } = await site({ "log.txt": "one\n" });
    const file = join(directory, "log.txt");
    let isTouched = false;
    const { assets, publication } = await published(
      {},
      {
        progress: () => {
          if (!isTouched) appendFileSync(file, "two\n");
          isTouched = true;
        },
      },
    );
    expect(assets[0]?.size).toBe(8);
    expect(Buffer.from(assets[0]?.digests ?? []).toString("hex")).toBe(
      expectedDigests(file, CHUNK_BYTES),
    );
    expect(publication.bytes).toBe(8);
  });

  test("again and again, is given up with its name", async () => {
    const { directory, published } = await site({ "log.txt": "one\n" });
    const file = join(directory, "log.txt");
    await expect(published({}, { progress: () => appendFileSync(file, "more\n") })).rejects.toThrow(
      `${file} changed while it was being read`,
    );
  });

  test("by disappearing, is given up with its name", async () => {
    const { directory, published } = await site({ "log.txt": "one\n" });
    const file = join(directory, "log.txt");
    await expect(published({}, { progress: () => rmSync(file, { force: true }) })).rejects.toThrow(
      `${file} cannot be read (ENOENT)`,
    );
  });
});

describe("chunks", () => {
  test("are as large as asked for", async () => {
    const { directory, published } = await site({ "a.bin": new Uint8Array(10_000).fill(3) });
    const [asset] = (await published({ chunkBytes: 1024 })).assets;
    expect(asset?.chunkBytes).toBe(1024);
    expect(Buffer.from(asset?.digests ?? []).toString("hex")).toBe(
      expectedDigests(join(directory, "a.bin"), 1024),
    );
  });

  test("double for a file that would have too many", async () => {
    const { directory, published } = await site({ "a.bin": "", "b.bin": "b" });
    await truncate(join(directory, "a.bin"), MAX_CHUNKS * 1024 + 1);
    const { assets } = await published({ chunkBytes: 1024 });
    expect(assets.map(({ chunkBytes }) => chunkBytes)).toEqual([2048, 1024]);
    expect(Buffer.from(assets[0]?.digests ?? []).toString("hex")).toBe(
      expectedDigests(join(directory, "a.bin"), 2048),
    );
  });

  test.each([
    [0, CHUNK_BYTES, CHUNK_BYTES],
    [MAX_CHUNKS * CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES],
    [MAX_CHUNKS * CHUNK_BYTES + 1, CHUNK_BYTES, 2 * CHUNK_BYTES],
    [MAX_CHUNKS * MAX_CHUNK_BYTES, CHUNK_BYTES, MAX_CHUNK_BYTES],
    [MAX_CHUNKS * MAX_CHUNK_BYTES, MAX_CHUNK_BYTES - 1024, MAX_CHUNK_BYTES],
    [MAX_CHUNKS * MAX_CHUNK_BYTES + 1, CHUNK_BYTES, undefined],
  ])("of a file of %d bytes, at least %d, are %s bytes", (size, least, chunkBytes) => {
    expect(chunkBytesFor(size, least)).toBe(chunkBytes);
  });

  test("of a file that no manifest can describe are not begun", async () => {
    const { directory, published } = await site({ "a.bin": "" });
    await truncate(join(directory, "a.bin"), MAX_CHUNKS * MAX_CHUNK_BYTES + 1);
    await expect(published()).rejects.toThrow(/a\.bin has more than 256 GiB/);
  });
});

test("a large file is read in bounded memory", async () => {
  const { directory, published } = await site({ "a.bin": "" });
  await truncate(join(directory, "a.bin"), mebibytes(256) + 1);
  const before = process.memoryUsage.rss();
  let most = 0;
  let calls = 0;
  const { assets } = await published(
    {},
    {
      progress: () => {
        if (calls++ % 64 === 0) most = Math.max(most, process.memoryUsage.rss() - before);
      },
    },
  );
  expect(assets[0]?.digests).toHaveLength(1025 * 32);
  expect(calls).toBeGreaterThan(1024);
  expect(most).toBeLessThan(mebibytes(96));
});

describe("progress", () => {
  test("rises to the totals", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 20 }, (_, at) => [`${at}.txt`, "x".repeat(at)]),
    );
    const { published } = await site(files);
    const seen: { bytes: number; files: number }[] = [];
    await published({}, { progress: ({ bytes, files }) => seen.push({ bytes, files }) });
    const sorted = [...seen].sort((a, b) => a.bytes - b.bytes || a.files - b.files);
    expect(seen).toEqual(sorted);
    expect(seen.at(-1)).toEqual({ bytes: 190, files: 20 });
  });

  test("stops when the caller has had enough", async () => {
    const { directory, published } = await site({ "a.bin": "" });
    await truncate(join(directory, "a.bin"), mebibytes(64));
    const enough = new AbortController();
    let last = 0;
    await expect(
      published(
        {},
        {
          signal: enough.signal,
          progress: ({ bytes }) => {
            last = bytes;
            enough.abort(new Error("enough"));
          },
        },
      ),
    ).rejects.toThrow("enough");
    expect(last).toBe(CHUNK_BYTES);
  });

  test("does not begin when the caller had enough before", async () => {
    const { published } = await site({ "a.txt": "a" });
    let calls = 0;
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(published({}, { signal, progress: () => calls++ })).rejects.toThrow("enough");
    expect(calls).toBe(0);
  });
});

test("a name that makes too long a URL is refused with the name", async () => {
  const { directory, published } = await site({});
  const folders = Array.from({ length: 12 }, () => "a".repeat(200));
  await mkdir(join(directory, ...folders), { recursive: true });
  await writeFile(join(directory, ...folders, "b.txt"), "b");
  await expect(published()).rejects.toThrow(/b\.txt is longer than a manifest allows/);
});
