// The command that publishes a directory: flags in, one manifest file out, an exit code back. Owns what a person reads
// and the order of steps; how hashing, signing and replacing work is elsewhere. Never leaves half a file behind, never
// writes a key where the site would publish it.

import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Writable } from "node:stream";
import { openSigningKey, type SigningKey } from "./keys.ts";
import {
  DEFAULT_PLACE,
  existingManifest,
  nextEpoch,
  recogniserOf,
  replaceFile,
  wouldBePublished,
} from "./manifest-file.ts";
import { bytesInWords, progressBar } from "./progress-bar.ts";
import { type Publication, publish } from "./publish.ts";
import { type PublishFlags, publishFlags, USAGE } from "./publish-flags.ts";
import { publishAndWatch } from "./publish-watch.ts";

export interface CommandOutput {
  /** What other programs may read. */
  readonly stdout: Writable;
  /** For a person: progress on a terminal, notes and refusals. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
}

const BAD_USAGE = 2;
const FAILED = 1;
/** What a shell reports for a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** Resolves with the exit code; rejects never. */
export async function runPublish(
  args: readonly string[],
  output: CommandOutput = process,
): Promise<number> {
  const { stdout, stderr } = output;
  const flags = publishFlags(args);
  if (flags === "help") {
    stdout.write(USAGE);
    return 0;
  }
  const refusal = "refusal" in flags ? flags.refusal : await misplaced(flags);
  if ("refusal" in flags || refusal !== undefined) {
    stderr.write(`shoal publish: ${refusal}\n`);
    return BAD_USAGE;
  }

  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  process.once("SIGTERM", onInterrupt);
  const bar = progressBar(stderr, () => performance.now());
  try {
    const key = await keyFor(flags, stderr);
    if (flags.watch) await watched(flags, key, { output, signal: interrupt.signal });
    else await published(flags, key, { output, bar, signal: interrupt.signal });
    return 0;
  } catch (error) {
    bar.clear();
    if (interrupt.signal.aborted) {
      stderr.write("shoal publish: interrupted; nothing was written.\n");
      return INTERRUPTED;
    }
    stderr.write(`shoal publish: ${error instanceof Error ? error.message : String(error)}\n`);
    return FAILED;
  } finally {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}

/** Made if there is none; a person is told, and told as well when pages know another one. */
async function keyFor(flags: PublishFlags, stderr: Writable): Promise<SigningKey> {
  const out = outputFile(flags);
  const existing = await existingManifest(out);
  const { key, created } = await openSigningKey(flags.key);
  if (created) {
    stderr.write(
      `Made a signing key: ${flags.key}. Keep it, with the next release too, and do not publish it.\n`,
    );
  }
  if (existing !== undefined && existing.key !== key.publicKey) {
    stderr.write(
      `Note: ${out} was signed with another key; pages that pin that key will refuse this one.\n`,
    );
  }
  return key;
}

async function published(
  flags: PublishFlags,
  key: SigningKey,
  run: {
    readonly output: CommandOutput;
    readonly bar: ReturnType<typeof progressBar>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { stdout, stderr } = run.output;
  const out = outputFile(flags);
  const started = performance.now();
  const publication = await publish(
    {
      ...contentOf(flags),
      epoch: nextEpoch(Date.now(), await existingManifest(out)),
      isLeftOut: await recogniserOf(notContent(flags)),
    },
    { key, progress: run.bar.show, signal: run.signal },
  );
  await replaceFile(out, publication.text, run.signal);
  run.bar.clear();
  for (const { file, why } of publication.skipped) stderr.write(`Left out ${file}: ${why}.\n`);
  stdout.write(summary(publication, (performance.now() - started) / 1000));
  stdout.write(`Wrote ${out}\nPublic key ${key.publicKey}\n`);
}

async function watched(
  flags: PublishFlags,
  key: SigningKey,
  { output, signal }: { readonly output: CommandOutput; readonly signal: AbortSignal },
): Promise<void> {
  await publishAndWatch(
    { ...contentOf(flags), out: outputFile(flags), leftOut: notContent(flags) },
    {
      key,
      signal,
      log: (event) => {
        const stream = event.event === "failed" ? output.stderr : output.stdout;
        stream.write(`${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`);
      },
    },
  );
}

const contentOf = ({ directory, baseUrl, chunkBytes }: PublishFlags) => ({
  directory,
  baseUrl,
  ...(chunkBytes === undefined ? {} : { chunkBytes }),
});

const notContent = (flags: PublishFlags): readonly string[] => [
  outputFile(flags),
  join(flags.directory, ...DEFAULT_PLACE),
];

const outputFile = (flags: PublishFlags): string =>
  resolve(flags.out ?? join(flags.directory, ...DEFAULT_PLACE));

function summary({ files, assets, bytes }: Publication, seconds: number): string {
  const rate = `${bytesInWords(bytes / Math.max(seconds, 0.001))}/s`;
  return `Published ${files} files, ${assets} URLs, ${bytesInWords(bytes)} in ${seconds.toFixed(1)} s (${rate})\n`;
}

/** A sentence naming the argument that is wrong with regard to what is on disk, if any. */
async function misplaced({ directory, key }: PublishFlags): Promise<string | undefined> {
  const facts = await stat(directory).catch(() => undefined);
  if (!facts?.isDirectory()) return `DIR must be a directory, and ${directory} is not.`;
  // The key may not exist yet; the directory it will be made in decides.
  const isInside = await wouldBePublished(directory, key).catch(() => undefined);
  if (isInside === undefined)
    return `--key must lie in an existing directory, and ${key} does not.`;
  return isInside ? "--key must lie outside DIR, where the site would publish it." : undefined;
}
