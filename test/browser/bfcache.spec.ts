// A page put away for the back button and brought back: its sockets and links are closed meanwhile, or the browser
// could not keep it, and its client is in the swarm again afterwards. In a browser of its own, because Playwright's
// default switches forbid the back-forward cache.

import { type Browser, chromium, expect, type Page, test } from "@playwright/test";
import { launchOptions } from "../support/browser.ts";
import { noise, type Stage, setStage, sha256 } from "../support/stage.ts";

const FILM = noise(5 * 1024 * 1024, 1);

let stage: Stage;
let browser: Browser;
test.beforeAll(async () => {
  stage = await setStage();
  await stage.publish({ "/film.bin": FILM });
  browser = await chromium.launch({
    ...launchOptions(),
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
});
test.afterAll(async () => {
  await browser.close();
  await stage.close();
});

/** What the page says of itself, posted to the site: a page that was put away is out of the driver's reach. */
interface Word {
  readonly what: "shown" | "read";
  readonly persisted?: boolean;
  readonly digest?: string;
  readonly cacheStatus?: string | null;
  readonly made: number;
}

async function peers(): Promise<number> {
  const totals: { peers: number } = await (await fetch(`${stage.trackerUrl}/stats`)).json();
  return totals.peers;
}

test("a page leaves the swarm with the back-forward cache and returns with it", async () => {
  const words: Word[] = [];
  stage.site.answer("/words", (request, response) => {
    let text = "";
    request.on("data", (bytes) => {
      text += bytes;
    });
    request.on("end", () => {
      words.push(JSON.parse(text));
      response.end();
    });
  });
  stage.site.put("/away.html", { body: "<!doctype html><title>Away</title>" });
  stage.site.put("/page.html", {
    body: `<!doctype html><title>Page</title><script src="${stage.trackerUrl}/shoal.js"></script>
      <script>
        const made = performance.now();
        const say = (word) => fetch("/words", { method: "POST", body: JSON.stringify({ ...word, made }) });
        const hex = (buffer) => [...new Uint8Array(buffer)]
          .map((byte) => byte.toString(16).padStart(2, "0")).join("");
        async function read() {
          const response = await shoal.fetch("/film.bin");
          const digest = hex(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
          await say({ what: "read", digest, cacheStatus: response.headers.get("Cache-Status") });
        }
        addEventListener("pageshow", ({ persisted }) => {
          say({ what: "shown", persisted });
          if (persisted) read();
        });
      </script>`,
  });
  const page: Page = await browser.newPage();
  await page.goto(`${stage.site.url}/page.html`);
  await page.evaluate("read()");
  // Another visitor with the same film, so that there is a link, which would keep the page from being kept.
  const other = await browser.newPage();
  await other.goto(`${stage.site.url}/page.html`);
  await other.evaluate("read()");
  await page.waitForFunction(() => (window.shoal?.stats().links.length ?? 0) > 0);
  await expect.poll(peers).toBe(2);
  const before = words.length;

  await page.goto(`${stage.site.url}/away.html`);
  await expect.poll(peers).toBe(1);
  await other.waitForFunction(() => window.shoal?.stats().links.length === 0);

  await page.evaluate(() => history.back()).catch(() => {});
  await expect.poll(() => words.length).toBe(before + 2);
  const [first] = words;
  expect(words.slice(before)).toEqual([
    { what: "shown", persisted: true, made: first?.made },
    {
      what: "read",
      digest: sha256(FILM),
      cacheStatus: "shoal; hit",
      made: first?.made,
    },
  ]);
  await expect.poll(peers).toBe(2);
});
