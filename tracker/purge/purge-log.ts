// The purges this tracker's key has signed, here or at another node: gives each its epoch, keeps them beside the key so
// that epochs go on rising after a restart, takes in what other nodes have signed, and hands out what a page does not
// know yet. Bounded; never forgets that something was purged.

import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import type { SigningKey } from "../manifest/keys.ts";
import { OptionError, type TrackerOptions } from "../options.ts";
import { base64url, fromBase64url } from "../protocol/bytes.ts";
import {
  covers,
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

  /** Everything that holds, by rising epoch. */
  get records(): readonly PurgeRecord[] {
    return this.#history.since(0);
  }

  /**
   * Signs and writes these purges down; they hold from the moment this resolves. Rejects with a `PurgeFileError`, and then
   * nothing was purged.
   */
  async purge(targets: readonly Omit<Purge, "epoch">[]): Promise<readonly PurgeRecord[]> {
    const records: PurgeRecord[] = [];
    await this.#inTurn(async (next) => {
      for (const target of targets) records.push(await this.#issued(target, next));
      return records;
    }, always);
    return records;
  }

  /**
   * Takes in what other nodes of the same key have signed. Returns what pages have to be told, by rising epoch. Before
   * anything holds, `agree` is shown all that will; with its `false` nothing is changed, and nothing returned.
   *
   * Whoever knows our latest purge refuses an earlier one: that is what epochs are for. So what comes late, from a node that
   * purged in the same moment or was cut off, is said again under a later one: it takes back more than it did, and never
   * less.
   */
  merge(
    records: readonly PurgeRecord[],
    agree: (all: readonly PurgeRecord[]) => Promise<boolean>,
  ): Promise<readonly PurgeRecord[] | undefined> {
    return this.#inTurn(async (next) => {
      const fresh: PurgeRecord[] = [];
      const late: PurgeRecord[] = [];
      for (const record of [...records].sort((one, other) => one.epoch - other.epoch)) {
        if (!(await this.#isOurs(record))) continue;
        if (next.add(record)) fresh.push(record);
        else if (isFold(record, next)) next.fold(record);
        else if (!isCovered(record, next)) late.push(record);
      }
      for (const record of late) fresh.push(await this.#issued(record, next));
      return fresh;
    }, agree);
  }

  /** One change after the other. What it made of the history holds once it is agreed to and written. */
  #inTurn(
    change: (next: PurgeHistory<PurgeRecord>) => Promise<readonly PurgeRecord[]>,
    agree: (all: readonly PurgeRecord[]) => Promise<boolean>,
  ): Promise<readonly PurgeRecord[] | undefined> {
    const done = this.#line.then(async () => {
      const next = new PurgeHistory<PurgeRecord>();
      for (const record of this.records) next.add(record);
      const told = await change(next);
      if (next.overflow !== undefined) next.fold(await this.#signed(next.overflow));
      const [before, after] = [this.records, next.since(0)];
      if (!(await agree(after))) return undefined;
      const isChanged =
        after.length !== before.length || after.some((record, at) => record !== before[at]);
      if (isChanged) await this.#write(after);
      this.#history = next;
      return told;
    });
    this.#line = done.catch(() => {});
    return done;
  }

  async #issued(
    { scope, what, soft }: Omit<Purge, "epoch">,
    next: PurgeHistory<PurgeRecord>,
  ): Promise<PurgeRecord> {
    // Whatever became of the clock meanwhile.
    const epoch = Math.max(this.#now(), next.epoch + 1);
    const record = await this.#signed({ epoch, scope, what, soft });
    next.add(record);
    return record;
  }

  async #isOurs(record: PurgeRecord): Promise<boolean> {
    const signature = fromBase64url(record.signature);
    if (signature === undefined) return false;
    return this.#key.hasSigned(purgeText(record, this.#key.publicKey), signature);
  }

  async #signed(purge: Purge): Promise<PurgeRecord> {
    const { sign, publicKey } = this.#key;
    return { ...purge, signature: base64url(await sign(purgeText(purge, publicKey))) };
  }

  /**
   * Whole and then in its place: a crash leaves the one before or the one after, and so do two nodes of one machine and
   * one file that write at the same time.
   */
  async #write(records: readonly PurgeRecord[]): Promise<void> {
    const draft = `${this.#file}.${randomBytes(6).toString("base64url")}.tmp`;
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
      await rm(draft, { force: true }).catch(() => {});
      throw new PurgeFileError(`${this.#file} cannot be written (${reasonOf(error)}).`);
    }
  }
}

const always = async (): Promise<boolean> => true;

/** What is known says as much, and no earlier. */
const isCovered = (record: Purge, known: PurgeHistory<PurgeRecord>): boolean =>
  known.since(record.epoch - 1).some((later) => covers(later, record));

/**
 * Another node had more than may be kept, and made its older half into one, up to the epoch of the last of them. Who has
 * that last one has them all, and may keep the one for the many, too; pages know them already.
 */
const isFold = (record: Purge, known: PurgeHistory<PurgeRecord>): boolean =>
  record.scope === "all" &&
  known.since(record.epoch - 1).at(0)?.epoch === record.epoch &&
  !isCovered(record, known);

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
