// Whatever a publisher deploys, in whatever order, while the origin comes and goes and visitors come back: nobody sees a
// mix of versions, nobody sees one that was replaced longer ago than its lifetime, nobody is given one that was purged once
// that is known, and nobody sees what was made for somebody else. By property, with the simulator; a failure prints the
// history that led to it.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { CacheMode, CachingFields, Millis } from "../../client/core/vocabulary.ts";
import { type Bytes, sameBytes } from "../../tracker/protocol/bytes.ts";
import { CHUNK_BYTES } from "../../tracker/protocol/manifest.ts";
import { type Answer, fetchAsPage } from "../sim/page.ts";
import type { Visitor } from "../sim/visitor.ts";
import { megabits, minutes, seconds, World } from "../sim/world.ts";

/** Two chunks, so that there is something to mix; and the same for each visitor's own page. */
const SIZES = [CHUNK_BYTES + 40_000, 30_000];
const VISITORS = 3;
/** A resting origin is left alone for so long at most, and one that says nothing is waited for. */
const REST: Millis = 7500 + 2000;
/** Within this a visitor who is there has learned of a purge. One who returns learns of it before anything else. */
const LEARNED: Millis = 1000;

type Step =
  | { readonly do: "deploy"; readonly what: "files" | "manifest" | "both" }
  | { readonly do: "purge" }
  | { readonly do: "outage"; readonly how: "refuse" | "stall" | 503 | "over" }
  | { readonly do: "visit"; readonly who: number; readonly url: 0 | 1; readonly mode: CacheMode }
  | { readonly do: "return"; readonly who: number; readonly meanwhile: Meanwhile };
/** A purge that nobody could tell the visitor of; or a tracker that has nothing to say when they are back. */
type Meanwhile = "nothing" | "purge" | "silence";

const steps = fc.array(
  fc.record({
    pause: fc.integer({ min: 0, max: 6000 }),
    step: fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant("deploy" as const),
          what: fc.constantFrom("files" as const, "manifest" as const, "both" as const),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("purge" as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant("outage" as const),
          how: fc.constantFrom("refuse" as const, "stall" as const, 503 as const, "over" as const),
        }),
      },
      {
        weight: 8,
        arbitrary: fc.record({
          do: fc.constant("visit" as const),
          who: fc.nat(VISITORS - 1),
          url: fc.constantFrom(0 as const, 0 as const, 1 as const),
          mode: fc.constantFrom("default" as const, "default" as const, "no-cache" as const),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant("return" as const),
          who: fc.nat(VISITORS - 1),
          meanwhile: fc.constantFrom<Meanwhile>("nothing", "purge", "silence"),
        }),
      },
    ),
  }),
  { minLength: 4, maxLength: 16 },
) satisfies fc.Arbitrary<{ pause: Millis; step: Step }[]>;

/** What the origin says of its files, and for how long after its end a version may still be seen. */
const lives = fc.constantFrom<{ fields: CachingFields; grace: Millis }>(
  { fields: {}, grace: 0 },
  { fields: { "cache-control": "no-cache" }, grace: 0 },
  { fields: { "cache-control": "max-age=3" }, grace: 3000 },
  { fields: { "cache-control": "max-age=2, must-revalidate" }, grace: 2000 },
  {
    fields: { "cache-control": "max-age=1, stale-while-revalidate=3" },
    grace: 4000,
  },
  { fields: { "shoal-cache-control": "max-age=2" }, grace: 2000 },
);
const manifestLives = fc.constantFrom<{ fields: CachingFields; grace: Millis }>(
  { fields: {}, grace: 0 },
  { fields: { "cache-control": "max-age=4" }, grace: 4000 },
);

/** When something was so; `until` is open while it is. */
interface Span {
  readonly from: Millis;
  until: Millis;
}

class History {
  readonly world: World;
  readonly visitors: Visitor[] = [];
  readonly urls: readonly string[];
  /** By version: its body, its epoch, and when the origin or its manifest had it. */
  readonly versions: { readonly body: Bytes; readonly epoch: number; readonly spans: Span[] }[] =
    [];
  /** Up to which epoch everything was taken back, and when. */
  readonly purges: { readonly epoch: number; readonly at: Millis }[] = [];
  readonly outages: Span[] = [];
  readonly told: string[] = [];
  readonly #files: CachingFields;
  readonly #manifest: CachingFields;
  readonly #ownBodies = new Map<string, Bytes>();
  /** Up to which epoch a visitor who came back knows of purges by themselves, however soon after. */
  readonly #remembered = new Map<Visitor, number>();
  /** When each came for the first time, who cannot know at once whose purges count. */
  readonly #since = new Map<Visitor, Millis>();
  /** Even; a purge is odd. */
  #epoch = 0;
  #origin = -1;
  #listed = -1;

  constructor(seed: number, files: CachingFields, manifest: CachingFields) {
    this.world = new World({ seed, unlinkable: 0, origin: { up: megabits(400) }, purging: true });
    this.#files = files;
    this.#manifest = manifest;
    this.urls = this.world.publish(SIZES, 1);
    this.deploy("both");
    for (let who = 0; who < VISITORS; who++) this.visitors.push(this.world.arrive());
  }

  get now(): Millis {
    return this.world.timeline.now;
  }

  deploy(what: "files" | "manifest" | "both"): void {
    const { origin, manifestUrl } = this.world;
    const [file = "", own = ""] = this.urls;
    const before = [origin.body(file), origin.body(manifestUrl)] as const;
    if (what !== "manifest" || this.#listed === this.#origin) {
      this.#epoch += 2;
      this.world.publish(SIZES, this.#epoch);
      const body = origin.body(file) ?? new Uint8Array(0);
      this.versions.push({ body, epoch: this.#epoch, spans: [] });
    } else {
      // The files were there before their manifest.
      this.world.publish(SIZES, this.#epoch);
    }
    const version = this.versions.length - 1;
    if (what === "manifest") origin.put(file, before[0] ?? new Uint8Array(0), this.#files);
    else {
      origin.put(file, origin.body(file) ?? new Uint8Array(0), this.#files);
      this.#origin = version;
    }
    if (what === "files") origin.put(manifestUrl, before[1] ?? new Uint8Array(0), this.#manifest);
    else {
      origin.put(manifestUrl, origin.body(manifestUrl) ?? new Uint8Array(0), this.#manifest);
      this.#listed = version;
    }
    // Listed like a file for everybody, by mistake: what the origin sends is for one.
    const fields: CachingFields = this.#epoch % 4 ? { "cache-control": "private" } : {};
    origin.personalise(own, (who) => this.#ownBody(who), fields);
    for (const [at, { spans }] of this.versions.entries()) {
      const isCurrent = at === this.#origin || at === this.#listed;
      const open = spans.at(-1)?.until === Number.POSITIVE_INFINITY;
      if (isCurrent && !open) spans.push({ from: this.now, until: Number.POSITIVE_INFINITY });
      if (!isCurrent && open) (spans.at(-1) as Span).until = this.now;
    }
    this.#say(`deployed ${what}: origin ${this.#origin}, manifest ${this.#listed}`);
  }

  purge(): void {
    const epoch = this.#epoch + 1;
    this.world.purge(this.urls[0] ?? "", epoch);
    if (this.purges.at(-1)?.epoch !== epoch) this.purges.push({ epoch, at: this.now });
    this.#say(`purged everything up to version ${this.versions.length - 1}`);
  }

  fail(how: "refuse" | "stall" | 503 | "over"): void {
    const { origin } = this.world;
    const open = this.outages.at(-1);
    if (open?.until === Number.POSITIVE_INFINITY) open.until = this.now;
    origin.behaviour = how === "over" ? "well" : how === 503 ? { status: 503 } : how;
    if (how !== "over") this.outages.push({ from: this.now, until: Number.POSITIVE_INFINITY });
    this.#say(`origin: ${how}`);
  }

  /** And wants the file again at once. */
  async comeBack(who: number, meanwhile: Meanwhile, grace: Millis): Promise<void> {
    const { tracker } = this.world;
    const before = this.visitors[who] as Visitor;
    const closedAt = this.now;
    const known = this.#purgedBy(closedAt - LEARNED);
    let closed = false;
    void before.close().then(() => {
      closed = true;
    });
    await this.world.run({ until: () => closed, within: minutes(1) });
    if (meanwhile === "purge") this.purge();
    if (meanwhile === "silence") {
      tracker.kill();
      this.#say("the tracker falls silent");
    }
    const again = this.world.arrive({ returning: before });
    this.#remembered.set(again, meanwhile === "silence" ? known : this.#purgedBy(this.now));
    this.#since.set(again, this.#hasLearned(before, closedAt) ? this.#sinceOf(before) : this.now);
    this.visitors[who] = again;
    this.#say(`v${who} came back as ${again.name}`);
    await this.visit(who, 0, "default", grace);
    if (meanwhile !== "silence") return;
    tracker.restart();
    const all = () => this.visitors.every(({ stats }) => stats.tracker === "connected");
    await this.world.run({ until: all, within: minutes(2) });
  }

  #sinceOf(visitor: Visitor): Millis {
    return this.#since.get(visitor) ?? 0;
  }
  #hasLearned(visitor: Visitor, moment: Millis): boolean {
    return moment - this.#sinceOf(visitor) >= LEARNED;
  }

  #purgedBy(moment: Millis): number {
    return this.purges.findLast(({ at }) => at <= moment)?.epoch ?? 0;
  }

  /** As the client's `fetch` does it. `null`: the page saw an error. */
  async visit(who: number, at: 0 | 1, mode: CacheMode, grace: Millis) {
    const visitor = this.visitors[who] as Visitor;
    const url = this.urls[at] ?? "";
    const from = this.now;
    let seen: Answer | null | undefined;
    void fetchAsPage(this.world, visitor, url, mode).then((answer) => {
      seen = answer;
    });
    const isOver = (): boolean => seen !== undefined;
    // A stalled origin is waited for without end by the network itself, and by who must ask it.
    const patience = this.now + seconds(30);
    await this.world.run({ until: () => isOver() || this.now > patience, within: minutes(2) });
    if (seen === undefined || seen === null) {
      this.#say(`${visitor.name} got nothing of ${at}`);
      // Sound at both ends, and all the time in between, it fails nobody.
      expect(this.#away(from - REST, this.now), this.explain()).toBe(true);
      return;
    }
    const { body, from: source } = seen;
    if (at === 1) {
      this.#say(`${visitor.name} got a page`);
      expect(sameBytes(body, this.#ownBody(visitor.node.name)), this.explain()).toBe(true);
      return;
    }
    const version = this.versions.findIndex((one) => sameBytes(one.body, body));
    this.#say(`${visitor.name} (${mode}) got version ${version} from ${source}`);
    expect(version, `a mix\n${this.explain()}`).toBeGreaterThanOrEqual(0);
    if (source === "shoal") {
      const heard = this.world.tracker.up ? this.#purgedBy(from - LEARNED) : 0;
      const remembered = this.#remembered.get(visitor) ?? 0;
      const known = this.#hasLearned(visitor, from) ? Math.max(remembered, heard) : 0;
      const { epoch = 0 } = this.versions[version] ?? {};
      expect(epoch, `was purged\n${this.explain()}`).toBeGreaterThan(known);
    }
    const most = mode === "no-cache" ? 0 : grace;
    // While the site is away, its manifest is good for as long as it takes, unless the request says otherwise.
    const wasAway = mode !== "no-cache" && this.#away(from - most - REST, this.now);
    if (!wasAway) {
      const { spans } = this.versions[version] ?? { spans: [] };
      const isAllowed = spans.some(({ until }) => until >= from - most);
      expect(isAllowed, `replaced too long ago\n${this.explain()}`).toBe(true);
    }
  }

  #ownBody(visitor: string): Bytes {
    const body =
      this.#ownBodies.get(visitor) ??
      this.world.random.fork(`page of ${visitor}`).bytes(SIZES[1] ?? 0);
    this.#ownBodies.set(visitor, body);
    return body;
  }

  #away(from: Millis, until: Millis): boolean {
    return this.outages.some((outage) => outage.from <= until && outage.until >= from);
  }

  #say(what: string): void {
    this.told.push(`${(this.now / 1000).toFixed(2)} s ${what}`);
  }
  explain(): string {
    return this.told.join("\n");
  }
}

test("no mix, nothing that was replaced longer ago than its lifetime, nothing purged, nothing of anybody else", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), lives, manifestLives, steps, async (seed, life, list, plan) => {
      const history = new History(seed, life.fields, list.fields);
      // What came from a peer has the manifest's time and not its own.
      const grace = Math.max(life.grace, list.grace);
      for (const { pause, step } of plan) {
        await history.world.pass(pause);
        if (step.do === "deploy") history.deploy(step.what);
        else if (step.do === "purge") history.purge();
        else if (step.do === "outage") history.fail(step.how);
        else if (step.do === "return") await history.comeBack(step.who, step.meanwhile, grace);
        else await history.visit(step.who, step.url, step.mode, grace);
      }
      history.fail("over");
      await history.world.pass(REST);
      history.world.checkInvariants();
    }),
    { numRuns: 80 },
  );
}, 60_000);
