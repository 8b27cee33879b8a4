// Registers the site's worker file, and says in one sentence what to do when that does not work. Never takes the place of a
// worker that the site has for something else.

import type { DegradedCode } from "../core/events.ts";
import { greeted, HELLO_PATIENCE } from "./host.ts";

export interface WorkerProblem {
  readonly code: DegradedCode;
  /** What is wrong and how it is put right. */
  readonly message: string;
}

/** `script`: an absolute URL on the page's own site. Resolves with `null` once the worker is active; never rejects. */
export async function register(script: string): Promise<WorkerProblem | null> {
  const container = containerOf();
  if ("code" in container) return container;
  const { pathname } = new URL(script);
  const scope = scopeOf(pathname, location.pathname);
  const before = await registrationAt(container, scope);
  const active = before?.active;
  if (active && active.scriptURL !== script) {
    const welcome = await greeted(active, HELLO_PATIENCE);
    // The site's own, and it lets us answer: nothing to register.
    if (welcome?.sole === false) return null;
    if (welcome === null) return occupied(active.scriptURL, script);
  }
  try {
    // Else a new release of what the file imports could hide in the HTTP cache for a day.
    const registration = await container.register(script, { scope, updateViaCache: "none" });
    await activated(registration);
    return null;
  } catch (error) {
    return whyNot(script, scope, error);
  }
}

function containerOf(): ServiceWorkerContainer | WorkerProblem {
  // Absent on plain HTTP, and in private windows of some browsers.
  const container: ServiceWorkerContainer | undefined = navigator.serviceWorker;
  if (container !== undefined) return container;
  return isSecureContext
    ? {
        code: "worker/unsupported",
        message: "This browser has no service workers here: use shoal.fetch.",
      }
    : {
        code: "worker/insecure",
        message: "Service workers need a secure context: serve this page over https.",
      };
}

async function registrationAt(
  container: ServiceWorkerContainer,
  scope: string,
): Promise<ServiceWorkerRegistration | undefined> {
  const { href } = new URL(scope, location.href);
  return (await container.getRegistrations()).find((one) => one.scope === href);
}

/** The widest the file may have by itself if that covers the page, else what it takes to cover both. */
export function scopeOf(script: string, page: string): string {
  let scope = directoryOf(script);
  while (!page.startsWith(scope)) scope = directoryOf(scope.slice(0, -1));
  return scope;
}
const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1) || "/";

function activated(registration: ServiceWorkerRegistration): Promise<void> {
  const worker = registration.installing ?? registration.waiting ?? registration.active;
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (worker === null || worker.state === "activated") resolve();
      else if (worker.state === "redundant") reject(new Error("it did not install"));
    };
    worker?.addEventListener("statechange", look);
    look();
  });
}

function occupied(present: string, script: string): WorkerProblem {
  const message =
    `${present} is this site's service worker already: import Shoal's there, call ` +
    `ShoalWorker.handleFetch(event) in its fetch listener, and name it instead of ${script}.`;
  return { code: "worker/occupied", message };
}

const SCRIPT_TYPE = /^\s*(text|application)\/(x-)?(java|ecma|j)script\b/i;

/** Browsers say little, and each something else: the file is looked at again. */
async function whyNot(script: string, scope: string, error: unknown): Promise<WorkerProblem> {
  const response = await fetch(script, { cache: "no-store" }).catch(() => null);
  if (response === null || !response.ok || response.redirected) {
    const what =
      response === null
        ? "cannot be read"
        : response.ok
          ? "redirects"
          : `answers ${response.status}`;
    const message = `${script} ${what}: put a file there with the one line importScripts("…/shoal-sw.js").`;
    return { code: "worker/missing", message };
  }
  const type = response.headers.get("Content-Type") ?? "no type";
  if (!SCRIPT_TYPE.test(type)) {
    const message = `${script} is served as ${type}: serve it as text/javascript.`;
    return { code: "worker/type", message };
  }
  const own = directoryOf(new URL(script).pathname);
  if (!scope.startsWith(own)) {
    const message =
      `${script} may control ${own} alone, and this page is not in it: move the file to ${scope}, ` +
      `or serve it with the header Service-Worker-Allowed: ${scope}`;
    return { code: "worker/scope", message };
  }
  const words = error instanceof Error ? error.message : String(error);
  const message = `${script} does not start (${words}): see that what it imports answers.`;
  return { code: "worker/failed", message };
}
