// The purges this tracker has signed: gives each its epoch, keeps them beside the signing key so that epochs go on rising
// after a restart, and hands out what a page does not know yet. Bounded; never forgets that something was purged.

import { open, readFile, rename } from "node:fs/promises";
import type { SigningKey } from "../manifest/keys.ts";
import { OptionError, type TrackerOptions } from "../options.ts";
import { base64url } from "../protocol/bytes.ts";
import {
  isPurgeRecord,
  MAX_PURGES_PER_MESSAGE,
  type Purge,
  PurgeHistory,
  type PurgeRecord,
  type PurgesKnown,
  purgeText,
} from "../protocol/purge.ts";
import { SHORTEST_SECRET } from "../tokens.ts";

/** The log beside the operator's key, if there is one. Rejects with an `OptionError`. */
export async function openPurges(
  { key: file, purgeToken }: Pick<TrackerOptions, "key" | "purgeToken">,
  key: SigningKey,
): Promise<PurgeLog | undefined> {
  if (purgeToken !== undefined && Buffer.byteLength(purgeToken) < SHORTEST_SECRET) {
    const sentence = `--purge-token must have ${SHORTEST_SECRET} characters or more.`;
    throw new OptionError("purgeToken", sentence);
  }
  if (file === undefined) {
    if (purgeToken === undefined) return undefined;
    const why = "purges are signed, and must hold after a restart";
    throw new OptionError("purgeToken", `--purge-token needs --key beside it: ${why}.`);
  }
  try {
    return await PurgeLog.open(`${file}.purges`, key);
  } catch (error) {
    throw error instanceof PurgeFileError
      ? new OptionError("key", `--key: ${error.message}`)
      : error;
  }
}

/** The file exists and is no log of this key, or cannot be written. One sentence for whoever named the key. */
export class PurgeFileError extends Error {
  override readonly name = "PurgeFileError";
}

export class PurgeLog {
  readonly #key: SigningKey;
  readonly #file: string;
  readonly #now: () => number;
  #history: PurgeHistory<PurgeRecord>;
  /** One purge after the other, so that epochs are handed out and written in order. */
  #line: Promise<unknown> = Promise.resolve();

  /** `now`: milliseconds since 1970, of which epochs are made. */
  static async open(
    file: string,
    key: SigningKey,
    now: () => number = Date.now,
  ): Promise<PurgeLog> {
    return new PurgeLog(file, key, now, await historyIn(file, key));
  }

  private constructor(
    file: string,
    key: SigningKey,
    now: () => number,
    history: PurgeHistory<PurgeRecord>,
  ) {
    this.#file = file;
    this.#key = key;
    this.#now = now;
    this.#history = history;
  }

  get known(): PurgesKnown {
    return { key: this.#key.publicKey, epoch: this.#history.epoch };
  }

  /** As a browser that knows everything judges it. */
  judge(asset: Parameters<PurgeHistory<PurgeRecord>["judge"]>[0]): "hard" | "soft" | undefined {
    return this.#history.judge(asset);
  }

  /** What somebody who knows this much has to learn, in messages' worth. */
  since(known: PurgesKnown | undefined): readonly (readonly PurgeRecord[])[] {
    const news = this.#history.since(known?.key === this.#key.publicKey ? known.epoch : 0);
    const count = Math.ceil(news.length / MAX_PURGES_PER_MESSAGE);
    return Array.from({ length: count }, (_, at) =>
      news.slice(at * MAX_PURGES_PER_MESSAGE, (at + 1) * MAX_PURGES_PER_MESSAGE),
    );
  }

  /**
   * Signs and writes these purges down; they hold from the moment this resolves. Rejects with a `PurgeFileError`, and then
   * nothing was purged.
   */
  purge(targets: readonly Omit<Purge, "epoch">[]): Promise<readonly PurgeRecord[]> {
    const purged = this.#line.then(() => this.#purge(targets));
    this.#line = purged.catch(() => {});
    return purged;
  }

  async #purge(targets: readonly Omit<Purge, "epoch">[]): Promise<readonly PurgeRecord[]> {
    const next = new PurgeHistory<PurgeRecord>();
    for (const record of this.#history.since(0)) next.add(record);
    const records: PurgeRecord[] = [];
    for (const target of targets) {
      // Whatever became of the clock meanwhile.
      const epoch = Math.max(this.#now(), next.epoch + 1);
      const record = await this.#signed({ ...target, epoch });
      next.add(record);
      records.push(record);
    }
    if (next.overflow !== undefined) next.fold(await this.#signed(next.overflow));
    await this.#write(next.since(0));
    this.#history = next;
    return records;
  }

  async #signed(purge: Purge): Promise<PurgeRecord> {
    const { sign, publicKey } = this.#key;
    return { ...purge, signature: base64url(await sign(purgeText(purge, publicKey))) };
  }

  /** Whole and then in its place: a crash leaves the one before or the one after. */
  async #write(records: readonly PurgeRecord[]): Promise<void> {
    const draft = `${this.#file}.tmp`;
    const text = `${JSON.stringify({ key: this.#key.publicKey, records }, null, 1)}\n`;
    try {
      const handle = await open(draft, "w", 0o600);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, this.#file);
    } catch (error) {
      throw new PurgeFileError(`${this.#file} cannot be written (${reasonOf(error)}).`);
    }
  }
}

/** Another key's purges say nothing of this one's statements; everything else that is not a log is a mistake. */
async function historyIn(file: string, key: SigningKey): Promise<PurgeHistory<PurgeRecord>> {
  const history = new PurgeHistory<PurgeRecord>();
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return history;
    throw new PurgeFileError(`${file} cannot be read (${reasonOf(error)}).`);
  }
  const stored = storedIn(text);
  if (stored === undefined) throw new PurgeFileError(`${file} is not a log of purges.`);
  if (stored.key !== key.publicKey) return history;
  for (const record of stored.records) history.add(record);
  return history;
}

function storedIn(text: string): { key: unknown; records: readonly PurgeRecord[] } | undefined {
  try {
    const { key, records } = JSON.parse(text) as { key: unknown; records: unknown };
    const isLog = Array.isArray(records) && records.every(isPurgeRecord);
    return isLog ? { key, records } : undefined;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
}
