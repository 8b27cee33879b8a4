// This visitor's other tabs of the site: they share the stores, so they tell each other what they stored and let go, do not link
// to each other, do not evict at the same time, and do not transfer the same content twice. Nothing depends on them: who hears
// nothing does everything itself.

import type { PeerId } from "../../tracker/protocol/ids.ts";
import type { Clock, TabMessage, Tabs } from "./ports.ts";
import type { Cancel, ContentId, Millis } from "./vocabulary.ts";

/**
 * A tab that reads a content stores what others wait for at least so often, or they read it themselves: it may be frozen, at
 * another place of a film, or in no hurry.
 */
const PATIENCE: Millis = 2000;
/** A tab gives a content back when all of it is stored; word of the last chunk may come a moment after that. */
const LAST_WORD: Millis = 50;
/** Other tabs at once; a page that says to be more of them is out of its mind. */
const MOST_SIBLINGS = 64;
const MOST_INDICES = 65_536;

/** What comes of other tabs. */
export interface SiblingsListener {
  /** Another tab's peer: no link to it is of any use. */
  met(peer: PeerId): void;
  stored(content: ContentId, indices: readonly number[]): void;
  gone(content: ContentId, indices: readonly number[]): void;
  /** Whether these chunks are what is waited for here. */
  serves(content: ContentId, indices: readonly number[]): boolean;
  /** Somebody else is there, for the first time. */
  joined(): void;
  /** This content is ours to transfer from now on. */
  free(content: ContentId): void;
}
export interface SiblingsNeeds extends SiblingsListener {
  readonly clock: Clock;
  readonly tabs: Tabs;
}

interface Claim {
  giveBack: Cancel;
  /** While another tab transfers it. */
  patience: Cancel | null;
}

export class Siblings {
  readonly #needs: SiblingsNeeds;
  readonly #claims = new Map<ContentId, Claim>();
  readonly #met = new Set<string>();
  #self: PeerId | null = null;
  #isAlone = true;
  /** Gives the janitor's place back, or stops waiting for it. */
  #tidying: Cancel | null = null;

  constructor(needs: SiblingsNeeds) {
    this.#needs = needs;
  }

  open(): void {
    this.#needs.tabs.open((message) => this.#heard(message));
    this.#say(false);
  }
  close(): void {
    for (const content of [...this.#claims.keys()]) this.giveBack(content);
    this.#needs.tabs.close();
  }

  named(self: PeerId | null): void {
    this.#self = self;
    this.#say(false);
  }

  tell(news: "stored" | "gone", content: ContentId, indices: readonly number[]): void {
    if (!this.#isAlone) this.#needs.tabs.tell({ tab: news, content, indices });
  }

  /** Runs it now, or not at all because another tab is at it. */
  tidy(work: () => void): void {
    if (this.#isAlone) return work();
    if (this.#tidying !== null) return;
    const done = (): void => {
      this.#tidying?.();
      this.#tidying = null;
    };
    const granted = (): void => {
      work();
      done();
    };
    this.#tidying = this.#needs.tabs.claim("janitor", { granted, taken: done });
  }

  /** Whether another tab transfers this content, or it is not yet known that none does. */
  follows(content: ContentId): boolean {
    return (this.#claims.get(content)?.patience ?? null) !== null;
  }

  claims(content: ContentId): boolean {
    return this.#claims.has(content);
  }

  /** We want to transfer this content, unless another tab is at it. */
  claim(content: ContentId): void {
    if (this.#isAlone || this.#claims.has(content)) return;
    const claim: Claim = { giveBack: () => {}, patience: null };
    this.#claims.set(content, claim);
    this.#wait(content, PATIENCE);
    let isTaken = false;
    claim.giveBack = this.#needs.tabs.claim(`read ${content}`, {
      taken: () => {
        isTaken = true;
        this.#wait(content, PATIENCE);
      },
      granted: () => {
        if (!isTaken) this.#free(content);
        else if (this.follows(content)) this.#wait(content, LAST_WORD);
      },
    });
  }

  giveBack(content: ContentId): void {
    const claim = this.#claims.get(content);
    this.#claims.delete(content);
    claim?.patience?.();
    claim?.giveBack();
  }

  #wait(content: ContentId, patience: Millis): void {
    const claim = this.#claims.get(content);
    if (claim === undefined) return;
    claim.patience?.();
    claim.patience = this.#needs.clock.after(patience, () => this.#free(content));
  }

  #free(content: ContentId): void {
    const claim = this.#claims.get(content);
    if (claim === undefined || claim.patience === null) return;
    claim.patience();
    claim.patience = null;
    this.#needs.free(content);
  }

  #say(isAnswer: boolean): void {
    this.#needs.tabs.tell({ tab: "here", peer: this.#self, isAnswer });
  }

  #heard(message: unknown): void {
    const heard = messageOf(message);
    if (heard === null) return;
    const wasAlone = this.#isAlone;
    this.#isAlone = false;
    if (wasAlone) this.#needs.joined();
    switch (heard.tab) {
      case "here":
        if (heard.peer !== null && this.#met.size < MOST_SIBLINGS) {
          this.#met.add(heard.peer);
          this.#needs.met(heard.peer);
        }
        if (!heard.isAnswer) this.#say(true);
        return;
      case "stored":
        if (this.follows(heard.content) && this.#needs.serves(heard.content, heard.indices)) {
          this.#wait(heard.content, PATIENCE);
        }
        return this.#needs.stored(heard.content, heard.indices);
      case "gone":
        return this.#needs.gone(heard.content, heard.indices);
    }
  }
}

/** `null`: of another release, or not from us. */
function messageOf(message: unknown): TabMessage | null {
  if (typeof message !== "object" || message === null) return null;
  const { tab, peer, isAnswer, content, indices } = message as Record<string, unknown>;
  if (tab === "here" && (peer === null || typeof peer === "string")) {
    return { tab, peer: peer as PeerId | null, isAnswer: isAnswer === true };
  }
  const isNews = tab === "stored" || tab === "gone";
  if (!isNews || typeof content !== "string" || !Array.isArray(indices)) return null;
  const isIndex = (at: unknown): boolean => Number.isSafeInteger(at) && (at as number) >= 0;
  if (indices.length > MOST_INDICES || !indices.every(isIndex)) return null;
  return { tab, content: content as ContentId, indices };
}
