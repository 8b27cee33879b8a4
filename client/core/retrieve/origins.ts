// The origins of an asset as one: which of them a read goes to, when a second is asked beside it, and when one is left alone.
// The asset's own comes first; the others that a page names have it under the same path. A read that nobody has answered
// goes on to the next; one that breaks ends, and what it has not brought is planned anew.
//
// 1. An origin that fails twice in a row rests; then one read probes it, and the others wait for what comes of that.
// 2. Of linked visitors a few probe; the others rest four times as long, and no two equally long.
// 3. Visitors who lose neighbours or tracker in one moment turn to the origin at different ones.

import type {
  Clock,
  Origin,
  OriginListener,
  OriginOutcome,
  OriginRequest,
  Random,
} from "../ports.ts";
import type { Cancel, Millis } from "../vocabulary.ts";
import { OriginHealth } from "./origin-health.ts";

const PATIENT = 4;
const LEAST_HEDGE: Millis = 100;
/** Second reads may be one in ten in the long run: where every origin is slow, asking two makes both slower. */
const HEDGES_PER_READ = 0.1;
const MOST_HEDGES = 3;
/** A read that was given up after this without a byte was its origin's failure. */
const SILENCE: Millis = 5000;
const SURGE: Millis = 1000;
/** One read in so many goes to an origin of which nothing is known. */
const EXPLORE_EVERY = 8;
const MOST_NAMED = 500;

export interface OriginsNeeds {
  readonly clock: Clock;
  readonly random: Random;
  readonly origin: Origin;
  /** Where everything is to be had as well: URLs without a slash at the end. */
  readonly others: readonly string[];
  /** Whether this visitor is one of those who try an origin that rests. */
  probes(): boolean;
}

interface Choice {
  readonly url: string;
  readonly own: boolean;
  readonly health: OriginHealth;
}

export class Origins implements Origin {
  readonly #needs: OriginsNeeds;
  readonly #health = new Map<string, OriginHealth>();
  readonly #named = new Map<string, readonly string[]>();
  #hedges = MOST_HEDGES;
  #reads = 0;
  #surgeUntil: Millis = 0;

  constructor(needs: OriginsNeeds) {
    this.#needs = needs;
  }

  /** This asset is to be had there as well. */
  name(url: string, origins: readonly string[]): void {
    if (origins.length === 0) return;
    this.#named.delete(url);
    this.#named.set(url, origins);
    const [oldest] = this.#named.keys();
    if (this.#named.size > MOST_NAMED && oldest !== undefined) this.#named.delete(oldest);
  }

  /** Neighbours are lost, or hope of them, in the same moment as others lose them. */
  surge(): void {
    this.#surgeUntil = this.#needs.clock.now() + SURGE;
  }

  read(request: OriginRequest, listener: OriginListener): Cancel {
    const { clock, random } = this.#needs;
    const attempts = new Map<Choice, { readonly cancel: Cancel; readonly at: Millis }>();
    const tried = new Set<OriginHealth>();
    let winner: Choice | null = null;
    let gave = false;
    let heardAt: Millis = clock.now();
    let timer: Cancel = () => {};

    const patience = (): number => (this.#needs.probes() ? 1 : PATIENT);
    const failed = (health: OriginHealth): void => health.failed(clock.now(), random, patience());
    const stop = (except: Choice | null): void => {
      timer();
      for (const [choice, { cancel, at }] of attempts) {
        if (choice === except) continue;
        cancel();
        attempts.delete(choice);
        const silence = clock.now() - (choice === winner ? heardAt : at);
        // Somebody else was quicker: so long at least it would have taken.
        if (except !== null) choice.health.answered(silence);
        if (silence >= SILENCE) failed(choice.health);
        // Whoever has all that it wanted hangs up before the end.
        else if (choice === winner && gave) choice.health.worked();
        // Nothing is known of it that was not known before.
        else choice.health.probing = false;
      }
    };
    const end = (outcome: OriginOutcome): void => {
      stop(null);
      listener.end(outcome.kind === "complete" ? outcome : this.#timed(request.url, outcome));
    };
    const next = (last: OriginOutcome): void => {
      const now = clock.now();
      const choice = this.#choices(request.url).find(
        ({ health }) => !tried.has(health) && health.usable(now),
      );
      if (choice !== undefined) ask(choice);
      else if (attempts.size === 0) end(last);
    };
    const ask = (choice: Choice): void => {
      const { health, own, url } = choice;
      const at = clock.now();
      tried.add(health);
      health.began();
      const cancel = this.#needs.origin.read(
        { ...request, url },
        {
          start: (answer) => {
            winner = choice;
            stop(choice);
            heardAt = clock.now();
            health.answered(heardAt - at);
            listener.start(own ? answer : { ...answer, foreign: true });
          },
          bytes: (data) => {
            heardAt = clock.now();
            gave = true;
            listener.bytes(data);
          },
          end: (outcome) => {
            attempts.delete(choice);
            const isRefusal = outcome.kind === "status" && outcome.status < 500;
            if (outcome.kind === "complete" || isRefusal) health.worked();
            else failed(health);
            // What another origin has not got, the asset's own may have.
            if (winner === choice || (isRefusal && own)) end(outcome);
            else next(outcome);
          },
        },
      );
      attempts.set(choice, { cancel, at });
      timer();
      timer = clock.after(Math.max(LEAST_HEDGE, health.slowest), () => {
        if (this.#hedges < 1) return;
        const before = tried.size;
        next({ kind: "unreachable" });
        if (tried.size > before) this.#hedges--;
      });
    };
    const begin = (): void => {
      this.#reads++;
      this.#hedges = Math.min(MOST_HEDGES, this.#hedges + HEDGES_PER_READ);
      next({ kind: "unreachable" });
    };

    const wait = clock.now() < this.#surgeUntil ? random.unit() * SURGE : 0;
    const isResting = !this.#choices(request.url).some(({ health }) => health.usable(clock.now()));
    // Nobody hears the end of a read within the call that begins it.
    if (wait > 0 || isResting) timer = clock.after(wait, begin);
    else begin();
    return () => stop(null);
  }

  /** When it is worth asking again, if that is known. */
  #timed(url: string, outcome: Exclude<OriginOutcome, { kind: "complete" }>): OriginOutcome {
    // Who says no says it again.
    if (outcome.kind === "status" && outcome.status < 500) return outcome;
    const now = this.#needs.clock.now();
    const all = this.#choices(url);
    const isElsewhere = all.some(({ health }) => health.usable(now) && !health.failing);
    if (isElsewhere) return { ...outcome, retryAt: now };
    if (all.some(({ health }) => health.usable(now))) return outcome;
    const retryAt = Math.min(...all.map(({ health }) => health.restUntil));
    // Its rest is over, but not the read that finds out whether it works again: nobody knows how long that takes.
    return retryAt > now ? { ...outcome, retryAt } : outcome;
  }

  /** Where to read it, the best first. */
  #choices(url: string): readonly Choice[] {
    const site = /^https?:\/\/[^/?#]+/.exec(url)?.[0] ?? "";
    const path = url.slice(site.length);
    const places = [...new Set([site, ...(this.#named.get(url) ?? []), ...this.#needs.others])];
    const explores = this.#reads % EXPLORE_EVERY === EXPLORE_EVERY - 1;
    const unknown = explores ? -1 : Number.POSITIVE_INFINITY;
    const cost = ({ health, own }: Choice): number =>
      health.usual ?? (own ? (explores ? 0 : -1) : unknown);
    return places
      .map((place) => ({ url: place + path, own: place === site, health: this.#healthOf(place) }))
      .sort(
        (one, other) =>
          Number(one.health.failing) - Number(other.health.failing) || cost(one) - cost(other),
      );
  }

  #healthOf(place: string): OriginHealth {
    const known = this.#health.get(place) ?? new OriginHealth();
    if (this.#health.size >= MOST_NAMED) this.#health.clear();
    this.#health.set(place, known);
    return known;
  }
}
