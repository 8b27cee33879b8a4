// Aborting a request, beside window.fetch: the same exceptions at the same moments, and the origin stops sending.

import type { ServerResponse } from "node:http";
import { expect, type JSHandle, type Page, test } from "@playwright/test";
import { type Complaints, complaintsOf, type Way } from "../support/outcome.ts";
import { fetched, noise, type Stage, setStage, sha256 } from "../support/stage.ts";

const FILM_BYTES = 2 * 1024 * 1024;
/** Sent by an origin that is then held back; more than a chunk and not a whole number of them. */
const BEGINNING = 700_000;
/** Each has bytes of its own: equal ones would be one content, held after the first test. */
const FILMS = Array.from({ length: 24 }, (_, at) => noise(FILM_BYTES, at + 1));
const WAYS: readonly Way[] = ["network", "shoal"];

/** A published film at an origin that answers when it is told to. */
class HeldFilm {
  readonly path: string;
  readonly body: Uint8Array;
  readonly #answers: ServerResponse[] = [];
  requests = 0;
  /** Requests that were broken off by the reader. */
  left = 0;

  constructor(at: number, body: Uint8Array) {
    this.path = `/film-${at}.bin`;
    this.body = body;
    stage.site.answer(this.path, (_request, response) => {
      this.requests++;
      this.#answers.push(response);
      response.on("close", () => {
        if (!response.writableFinished) this.left++;
      });
    });
  }
  begin(): void {
    for (const response of this.#answers) {
      response.writeHead(200, { "Content-Length": this.body.length });
      response.write(this.body.subarray(0, BEGINNING));
    }
  }
  finish(): void {
    for (const response of this.#answers) response.end(this.body.subarray(BEGINNING));
  }
}

let stage: Stage;
let page: Page;
let complaints: Complaints;
let films: HeldFilm[];

test.beforeAll(async ({ browser }) => {
  stage = await setStage();
  await stage.publish(Object.fromEntries(FILMS.map((body, at) => [`/film-${at}.bin`, body])));
  films = FILMS.map((body, at) => new HeldFilm(at, body));
  // Nobody to share with, so that every read at the origin is one read of the whole.
  page = await stage.visit(browser, { attributes: { "data-consent": "denied" }, joined: false });
  complaints = complaintsOf(page);
});
test.afterAll(() => stage.close());
test.afterEach(() => {
  expect(complaints).toMatchObject({ errors: [], warnings: [] });
});

function nextFilm(): HeldFilm {
  const film = films.shift();
  if (film === undefined) throw new Error("There are more tests than films");
  return film;
}

interface Attempt {
  readonly controller: AbortController;
  readonly response: Promise<Response>;
  readonly reason: unknown;
}
/** How a promise ended; `reason`: rejected with the very value the page had aborted with. */
type Ending =
  | { readonly resolved: string }
  | { readonly rejected: string; readonly reason: boolean };

interface Start {
  readonly way: Way;
  readonly path: string;
  /** What `abort` is called with; nothing means the browser's own reason. */
  readonly reason?: string;
  readonly inRequest?: boolean;
}

/** Starts a request in the page; `whole` there will be its body. */
function start(given: Start): Promise<JSHandle<Attempt>> {
  return page.evaluateHandle(({ way, path, reason, inRequest = false }) => {
    const controller = new AbortController();
    const { signal } = controller;
    const ask = way === "shoal" && window.shoal ? window.shoal.fetch : fetch;
    const response = inRequest ? ask(new Request(path, { signal })) : ask(path, { signal });
    response.catch(() => {});
    return { controller, response, reason: reason === undefined ? undefined : { reason } };
  }, given);
}

/** Aborts, and says how the response and the reading of its body end. */
function abort(attempt: JSHandle<Attempt>): Promise<{ response: Ending; body: Ending }> {
  return attempt.evaluate(async ({ controller, response, reason }) => {
    const ended = (promise: Promise<unknown>): Promise<Ending> =>
      promise.then(
        () => ({ resolved: "yes" }),
        (error: unknown) => ({
          rejected:
            error instanceof DOMException ? `${error.name}: ${error.message}` : typeof error,
          reason: error === controller.signal.reason,
        }),
      );
    const body = ended(response.then((answer) => answer.arrayBuffer()));
    // One turn of the loop, in which a body that is there begins to be read.
    const { port1, port2 } = new MessageChannel();
    await new Promise((resolve) => {
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
    if (reason === undefined) controller.abort();
    else controller.abort(reason);
    return { response: await ended(response), body: await body };
  });
}

const REASONS = [undefined, "the visitor went on"];

test("aborted before it begins, a request costs nothing and fails with the reason", async () => {
  const { path } = nextFilm();
  const endings = (way: Way) =>
    page.evaluate(
      async ([by, url]) => {
        const ask = by === "shoal" && window.shoal ? window.shoal.fetch : fetch;
        const reasons = [undefined, null, "word", new TypeError("mine"), { a: 1 }];
        const all = reasons.map(async (reason) => {
          const signal = AbortSignal.abort(reason);
          const errors = await Promise.all(
            [ask(url, { signal }), ask(new Request(url, { signal }))].map((answer) =>
              answer.then(String, (error: unknown) => [String(error), error === signal.reason]),
            ),
          );
          return errors;
        });
        return Promise.all(all);
      },
      [way, path] as const,
    );
  const before = stage.site.requests(path);
  const network = await endings("network");
  expect(await endings("shoal")).toEqual(network);
  expect(network[0]?.[0]).toEqual([expect.stringMatching(/^AbortError/), true]);
  expect(stage.site.requests(path)).toBe(before);
});

for (const reason of REASONS) {
  for (const inRequest of [false, true]) {
    const how = `${reason ? "with a reason" : "without a reason"}, signal in ${inRequest ? "a Request" : "init"}`;
    test(`aborted before the first bytes (${how})`, async () => {
      const endings: unknown[] = [];
      for (const way of WAYS) {
        const film = nextFilm();
        const { path } = film;
        const attempt = await start({ way, path, inRequest, ...(reason ? { reason } : {}) });
        await expect.poll(() => film.requests).toBe(1);
        endings.push(await abort(attempt));
        await expect.poll(() => film.left).toBe(1);
      }
      expect(endings[1]).toEqual(endings[0]);
      expect(endings[0]).toMatchObject({ response: { rejected: expect.any(String) } });
    });
  }

  test(`aborted in the middle of the body (${reason ? "with" : "without"} a reason)`, async () => {
    const endings: unknown[] = [];
    for (const way of WAYS) {
      const film = nextFilm();
      const attempt = await start({ way, path: film.path, ...(reason ? { reason } : {}) });
      await expect.poll(() => film.requests).toBe(1);
      film.begin();
      await attempt.evaluate(({ response }) => response);
      endings.push(await abort(attempt));
      await expect.poll(() => film.left).toBe(1);
    }
    expect(endings[1]).toEqual(endings[0]);
    expect(endings[0]).toMatchObject({
      response: { resolved: "yes" },
      body: { rejected: expect.any(String) },
    });
  });
}

test("a read that waits is the one that fails, and so are those after it", async () => {
  const endings: unknown[] = [];
  for (const way of WAYS) {
    const film = nextFilm();
    const attempt = await start({ way, path: film.path });
    await expect.poll(() => film.requests).toBe(1);
    film.begin();
    endings.push(
      await attempt.evaluate(async ({ controller, response }, beginning) => {
        const reader = (await response).body?.getReader();
        let seen = 0;
        while (seen < beginning) seen += (await reader?.read())?.value?.length ?? 0;
        const names = [reader?.read(), reader?.closed].map((promise) =>
          promise?.then(String, (error: unknown) => error === controller.signal.reason),
        );
        controller.abort();
        const later = reader?.read().then(String, (error) => error === controller.signal.reason);
        return [seen, await Promise.all(names), await later];
      }, BEGINNING),
    );
    await expect.poll(() => film.left).toBe(1);
  }
  expect(endings[0]).toEqual([BEGINNING, [true, true], true]);
  expect(endings[1]).toEqual(endings[0]);
});

test("a body that is cancelled stops the origin, too", async () => {
  for (const way of WAYS) {
    const film = nextFilm();
    const attempt = await start({ way, path: film.path });
    await expect.poll(() => film.requests).toBe(1);
    film.begin();
    const after = await attempt.evaluate(async ({ response }) => {
      const reader = (await response).body?.getReader();
      await reader?.read();
      await reader?.cancel("enough");
      return (await reader?.read())?.done;
    });
    expect(after).toBe(true);
    await expect.poll(() => film.left).toBe(1);
  }
});

test("aborted after the end, nothing happens", async () => {
  for (const way of WAYS) {
    const film = nextFilm();
    const attempt = await start({ way, path: film.path });
    await expect.poll(() => film.requests).toBe(1);
    film.begin();
    film.finish();
    const length = await attempt.evaluate(async ({ controller, response }) => {
      const answer = await response;
      const body = await answer.arrayBuffer();
      controller.abort();
      return [body.byteLength, answer.status, answer.bodyUsed];
    });
    expect(length).toEqual([FILM_BYTES, 200, true]);
    expect(film.left).toBe(0);
  }
});

test("one of two readers aborts, and the other gets everything from the same transfer", async () => {
  const film = nextFilm();
  const { path, body } = film;
  const attempt = await start({ way: "shoal", path });
  const other = fetched(page, path);
  await expect.poll(() => film.requests).toBe(1);
  film.begin();
  await attempt.evaluate(({ response }) => response);
  expect(await abort(attempt)).toMatchObject({ body: { rejected: expect.any(String) } });
  film.finish();
  expect(await other).toMatchObject({ status: 200, sha256: sha256(body) });
  expect([film.requests, film.left]).toEqual([1, 0]);
});

test("an aborted request can be made again at once", async () => {
  const film = nextFilm();
  const { path, body } = film;
  const attempt = await start({ way: "shoal", path });
  await expect.poll(() => film.requests).toBe(1);
  film.begin();
  await attempt.evaluate(({ response }) => response);
  await abort(attempt);
  stage.site.put(path, { body });
  expect(await fetched(page, path)).toMatchObject({ status: 200, sha256: sha256(body) });
});

test("while the manifest is waited for, an abort is heard at once", async ({ browser }) => {
  const { path } = nextFilm();
  stage.site.answer("/late.json", () => {});
  const context = await browser.newContext();
  try {
    const attributes = { "data-manifest": "/late.json", "data-consent": "denied" };
    const visitor = await stage.visit(browser, { context, attributes, joined: false });
    const [name, elapsed] = await visitor.evaluate(async (url) => {
      const begin = performance.now();
      const controller = new AbortController();
      const answer = window.shoal?.fetch(url, { signal: controller.signal });
      controller.abort();
      const error = await answer?.then(String, (reason: Error) => reason.name);
      return [error, performance.now() - begin] as const;
    }, path);
    expect(name).toBe("AbortError");
    expect(elapsed).toBeLessThan(500);
  } finally {
    await context.close();
  }
});
