// Crowds on the stage: what the tracker's choices amount to when hundreds arrive, with clients that accept sixteen
// links and decline the rest. Seeded, no time passes but the stage's.

import { describe, expect, test } from "vitest";
import type { Place } from "../../../tracker/region/where.ts";
import { type Actor, Stage } from "./stage.ts";

const MOST_LINKS = 16;

/** Plays clients: every introduction is answered by both sides, linked unless one of them is full. */
class Clients {
  readonly links = new Map<string, Set<string>>();
  readonly #actors = new Map<string, Actor>();
  readonly #read = new Map<Actor, number>();

  add(actor: Actor): void {
    this.links.set(actor.id, new Set());
    this.#actors.set(actor.id, actor);
  }

  /** Until nobody has anything left to answer. */
  settle(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const actor of this.#actors.values()) {
        for (const message of actor.heard.slice(this.#read.get(actor) ?? 0)) {
          this.#read.set(actor, (this.#read.get(actor) ?? 0) + 1);
          if (message.type !== "introduce" || message.role !== "answerer") continue;
          moved = true;
          const mine = this.links.get(actor.id);
          const theirs = this.links.get(message.peer);
          const isFull = (mine?.size ?? 0) >= MOST_LINKS || (theirs?.size ?? 0) >= MOST_LINKS;
          if (!isFull) {
            mine?.add(message.peer);
            theirs?.add(actor.id);
          }
          const outcome = isFull ? "declined" : "linked";
          actor.say({ type: "ended", session: message.session, outcome });
        }
      }
    }
  }

  /** How many can be reached from one of them. */
  reach(): number {
    const [first] = this.links.keys();
    const reached = new Set(first === undefined ? [] : [first]);
    for (const peer of reached) for (const other of this.links.get(peer) ?? []) reached.add(other);
    return reached.size;
  }
  degrees(): number[] {
    return [...this.links.values()].map(({ size }) => size);
  }
}

function arriving(
  count: number,
  placeOf: (each: number) => Place,
  betweenMs: number,
  seed: number,
) {
  const stage = new Stage({}, seed);
  const clients = new Clients();
  const actors: Actor[] = [];
  const announced = (actor: Actor) => {
    const want = Math.max(0, 8 - (clients.links.get(actor.id)?.size ?? 0));
    actor.announce(want, { film: actors[0] === actor ? "all" : "none" });
  };
  for (let each = 0; each < count; each++) {
    stage.passes(betweenMs);
    const actor = stage.enters(`p${each}`, placeOf(each));
    actors.push(actor);
    clients.add(actor);
    announced(actor);
    clients.settle();
  }
  return { stage, clients, actors, announced };
}

const ONE_TOWN = (): Place => ({ networks: ["town"], country: "CZ", continent: "EU", label: "CZ" });

describe.each([1, 2, 3])("seed %i", (seed) => {
  test("in a crowd that arrives at once everybody is linked, in one swarm, nobody beyond sixteen", () => {
    const { stage, clients, actors } = arriving(400, ONE_TOWN, 5, seed);
    const degrees = clients.degrees();
    expect(clients.reach()).toBe(400);
    expect(Math.min(...degrees)).toBeGreaterThanOrEqual(3);
    expect(Math.max(...degrees)).toBeLessThanOrEqual(MOST_LINKS);
    // Two seconds of a crowd: nobody was sent more than its burst, the one seed least of all.
    for (const actor of actors) expect(actor.met().length).toBeLessThanOrEqual(34);
    const { introductions, links } = stage.tracker.totals();
    // Declined introductions are wasted work on both sides; few are the price of never locking anyone out.
    expect(links.declined).toBeLessThan(introductions * 0.1);
    expect(actors.every((actor) => actor.dropped === undefined)).toBe(true);
  });

  test("whoever arrives late in a settled swarm is linked like everybody else", () => {
    const { clients } = arriving(300, ONE_TOWN, 20_000 / 300, seed);
    const late = clients.degrees().slice(-20);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(4);
  });

  test("towns keep to themselves, and yet nobody is cut off", () => {
    const towns = ["Brno", "Lima", "Oslo", "Pune"];
    const placeOf = (each: number): Place => {
      const town = towns[each % towns.length] ?? "";
      return { networks: [town], country: town, continent: town, label: town };
    };
    const { clients, actors } = arriving(400, placeOf, 50, seed);
    expect(clients.reach()).toBe(400);
    const town = new Map(actors.map(({ id }, each) => [id as string, towns[each % 4]]));
    let near = 0;
    let all = 0;
    for (const [peer, others] of clients.links) {
      for (const other of others) {
        all++;
        if (town.get(peer) === town.get(other)) near++;
      }
    }
    expect(near / all).toBeGreaterThan(0.6);
    expect(near / all).toBeLessThan(0.95);
  });
});
