// What the tracker's operator has taken back, as this browser knows it: kept over visits, learned anew before what an
// earlier visit kept is used, and never unlearned. A purge is about statements of the same signer up to its epoch, whoever
// passes them on.

import { fromBase64url } from "../../../tracker/protocol/bytes.ts";
import type { AssetStatement } from "../../../tracker/protocol/manifest.ts";
import {
  type Purge,
  PurgeHistory,
  type PurgeRecord,
  type PurgesKnown,
  purgeText,
} from "../../../tracker/protocol/purge.ts";
import type { Clock, Hasher, Store } from "../ports.ts";
import type { Millis } from "../vocabulary.ts";
import { storedPurges, storePurges } from "./standing.ts";

/**
 * A visit's first use of what an earlier one kept waits this long for the tracker's word on it. With the tracker gone it
 * is used as it is: a site that is away must not take its copies with it.
 */
const NEWS_PATIENCE: Millis = 1000;

export interface PurgesNeeds {
  readonly clock: Clock;
  readonly hasher: Hasher;
  readonly index: Store;
  /** These were not purged before. */
  purged(purges: readonly Purge[]): void;
}

export class Purges {
  readonly #needs: PurgesNeeds;
  /** Whose purges these are; `null` before a tracker has said so for the first time. */
  #key: string | null = null;
  #history = new PurgeHistory<Purge>();
  /** One thing after the other: checking a signature takes its own time, and epochs only rise. */
  #line: Promise<void>;
  /** What the tracker has, by its own word. */
  #theirs = Number.POSITIVE_INFINITY;
  /** Whether everything is known that can be known now. */
  readonly #current: Promise<void>;
  #settle: () => void = () => {};

  constructor(needs: PurgesNeeds) {
    this.#needs = needs;
    this.#current = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#line = this.#open();
    needs.clock.after(NEWS_PATIENCE, this.#settle);
  }

  /** For the tracker, which leaves these out then. */
  get known(): PurgesKnown | null {
    return this.#key === null ? null : { key: this.#key, epoch: this.#history.epoch };
  }

  /** `undefined`: worth all that it says. After a soft purge only while the origin has nothing better. */
  judge(asset: AssetStatement): "hard" | "soft" | undefined {
    return asset.key === this.#key ? this.#history.judge(asset) : undefined;
  }

  /** Resolves when this signer's purges are known, or cannot be for now. */
  async learned(key: string): Promise<void> {
    await this.#line;
    if (key === this.#key) await this.#current;
  }

  /** There is nobody to learn from. */
  unreachable(): void {
    this.#settle();
  }

  welcomed(theirs: PurgesKnown): void {
    this.#then(async () => {
      this.#theirs = theirs.epoch;
      if (theirs.key === this.#key) return;
      this.#key = theirs.key;
      this.#history = new PurgeHistory();
      await this.#store();
    });
  }

  heard(records: readonly PurgeRecord[]): void {
    this.#then(async () => {
      const fresh: Purge[] = [];
      for (const { epoch, scope, what, soft, signature } of records) {
        const purge = { epoch, scope, what, soft };
        if ((await this.#isSigned(purge, signature)) && this.#history.add(purge)) fresh.push(purge);
      }
      const { overflow } = this.#history;
      if (overflow !== undefined) this.#history.fold(overflow);
      if (fresh.length === 0) return;
      this.#needs.purged(fresh);
      await this.#store();
    });
  }

  #then(task: () => Promise<void>): void {
    this.#line = this.#line.then(task).then(() => {
      if (this.#history.epoch >= this.#theirs) this.#settle();
    });
  }

  async #isSigned(purge: Purge, signature: string): Promise<boolean> {
    const [key, signed] = [fromBase64url(this.#key ?? ""), fromBase64url(signature)];
    if (key === undefined || signed === undefined || this.#key === null) return false;
    return this.#needs.hasher.verify(key, signed, purgeText(purge, this.#key));
  }

  async #open(): Promise<void> {
    const stored = await storedPurges(this.#needs.index);
    if (stored === undefined) return;
    this.#key = stored.key;
    this.#history = stored.history;
  }

  #store(): Promise<void> {
    return storePurges(this.#needs.index, this.known, this.#history);
  }
}
