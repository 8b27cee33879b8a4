// The demo's live channel: what its playlist lists is there, however late the first viewer comes.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { Channel } from "../../../../demo/origin/channel.ts";
import type { Rendition } from "../../../../demo/origin/hls.ts";
import { LIVE_WINDOW, segmentName } from "../../../../demo/origin/playlist.ts";

/** On the air at once, with segments of so many seconds. */
async function channel(seconds: number, isPublished: (path: string) => boolean) {
  const directory = await mkdtemp(join(tmpdir(), "shoal-channel-"));
  const bytes = new Uint8Array(1);
  const rendition: Rendition = {
    name: "test",
    bandwidth: 1,
    codecs: "avc1",
    width: 16,
    height: 9,
    init: bytes,
    seconds: () => seconds,
    segment: () => bytes,
  };
  const running = await Channel.begin({
    directory,
    rendition,
    isPublished: (name) => isPublished(join(directory, name)),
  });
  onTestFinished(async () => {
    await running.close();
    await rm(directory, { recursive: true });
  });
  const isOn = (n: number): boolean => existsSync(join(directory, segmentName(n)));
  return { running, directory, isOn };
}

const listedIn = (playlist: string): string[] =>
  playlist.split("\n").filter((line) => line.endsWith(".m4s"));

test("whoever comes long after the beginning finds a whole window of it", async () => {
  const { running, directory, isOn } = await channel(0.005, existsSync);
  await vi.waitFor(() => expect(isOn(40)).toBe(true), { timeout: 20_000 });
  const listed = listedIn(running.playlist());
  expect(listed).toHaveLength(LIVE_WINDOW);
  expect(listed.filter((name) => !existsSync(join(directory, name)))).toEqual([]);
});

test("what nobody vouches for yet is not listed", async () => {
  const isPublished = (path: string): boolean => !path.endsWith(segmentName(5));
  const { running } = await channel(60, isPublished);
  const listed = listedIn(running.playlist());
  expect(listed).toEqual([0, 1, 2, 3, 4].map(segmentName));
});
