// Why is there no P2P? Gathers what this browser, the tracker and the swarm say, and concludes one verdict in words that
// a site owner understands. The conclusion is pure; gathering asks the tracker once and never anybody else.

import type { Ways } from "./browser/transport-simple-peer.ts";
import type { Violation } from "./core/events.ts";
import type { Circumstances, ClientStats } from "./core/stats.ts";
import type { Incidents } from "./incidents.ts";

/** The one answer; `evidence` is what it was concluded from, and more of it. */
export interface Diagnosis {
  readonly verdict:
    | "works"
    | "closed"
    | "insecure-context"
    | "no-webrtc"
    | "no-consent"
    | "no-tracker"
    | "tracker-refused"
    | "tracker-unreachable"
    | "socket-blocked"
    | "joining"
    | "nothing-shared"
    | "alone"
    | "no-candidates"
    | "links-fail"
    | "linking";
  /** One or two sentences: what is the case, and what can be done. English, for people. */
  readonly message: string;
  readonly evidence: Evidence;
}

/** What was found. Counts, kinds and words; no addresses. */
export interface Evidence {
  readonly secureContext: boolean;
  readonly webrtc: boolean;
  readonly consent: ClientStats["consent"];
  /** Whether this browser serves others now. */
  readonly upload: boolean;
  /** `persistent`: what is kept survives the visit. `off`: nothing can be verified, so nothing is kept. */
  readonly storage: "persistent" | "memory" | "off";
  readonly tracker: {
    readonly url: string | null;
    readonly state: ClientStats["tracker"];
    /** Whether its `/healthz` answered just now; `null` when its socket is open, or there is none to ask. */
    readonly answersHttp: boolean | null;
    /** Its own words, when it does not want this page. */
    readonly refusal: string | null;
  };
  /** Kinds of servers in use, and of candidates just found with them. `null` without WebRTC or consent: nobody asks. */
  readonly ice: Ways | null;
  readonly swarms: Circumstances["swarms"];
  readonly introductions: Circumstances["introductions"];
  readonly links: number;
  /** Requests to `client.fetch`, and through the worker: answered by Shoal, and left to the network. */
  readonly requests: { readonly answered: number; readonly passed: number };
  readonly bytes: ClientStats["bytes"];
  /** What went wrong so far: Shoal's own reasons, and how often peers broke the protocol. */
  readonly degraded: readonly { readonly code: string; readonly message: string }[];
  readonly violations: Readonly<Partial<Record<Violation, number>>>;
  /**
   * `answering`: Shoal's worker asks this page about its plain URLs. `controlling`: there is a worker, and it does not: it is another
   * one, or of another release, or was not asked for on this page. `none`: there is none, or not yet.
   */
  readonly worker: "answering" | "controlling" | "none" | "unsupported";
}

/** Enough for any network that a visitor would call working. */
const HTTP_PATIENCE_MS = 2500;

export interface Subject {
  readonly trackerUrl: string | null;
  readonly incidents: Incidents;
  stats(): ClientStats;
  /** `null`: there is no WebRTC. */
  readonly ways: (() => Promise<Ways>) | null;
  circumstances(): Circumstances | null;
  /** Whether a worker asks this page. */
  isAsked(): boolean;
  /** As it was before anybody wrapped it. */
  readonly fetch: typeof fetch;
}

/** Never rejects; takes as long as the slowest of candidates and tracker, at most 2.5 s each. */
export async function diagnose(subject: Subject): Promise<Diagnosis> {
  const { incidents, trackerUrl } = subject;
  const before = subject.stats();
  const mayAsk = before.consent === "granted" && before.state !== "closed";
  const [ice, answersHttp] = await Promise.all([
    mayAsk && subject.ways !== null ? subject.ways() : null,
    mayAsk && trackerUrl !== null && before.tracker !== "connected"
      ? answers(subject.fetch, trackerUrl)
      : null,
  ]);
  const stats = subject.stats();
  const evidence: Evidence = {
    secureContext: isSecureContext,
    webrtc: typeof RTCPeerConnection !== "undefined",
    consent: stats.consent,
    upload: stats.upload,
    storage: stats.cache.budget === 0 ? "off" : stats.cache.persistent ? "persistent" : "memory",
    tracker: {
      url: trackerUrl,
      state: stats.tracker,
      answersHttp,
      refusal: incidents.degraded.get("tracker/refused")?.message ?? null,
    },
    ice,
    ...(subject.circumstances() ?? {
      swarms: { joined: 0, others: 0, holders: 0 },
      introductions: { linked: 0, failed: 0, underWay: 0 },
    }),
    links: stats.links.length,
    requests: { answered: incidents.answered, passed: incidents.passed },
    bytes: stats.bytes,
    degraded: [...incidents.degraded.values()],
    violations: { ...incidents.violations },
    worker: workerOf(subject),
  };
  return { ...conclude(evidence, stats.state === "closed"), evidence };
}

function workerOf(subject: Subject): Evidence["worker"] {
  if (navigator.serviceWorker === undefined) return "unsupported";
  if (navigator.serviceWorker.controller === null) return "none";
  return subject.isAsked() ? "answering" : "controlling";
}

/** The first reason that explains everything after it. */
export function conclude(
  { secureContext, webrtc, consent, tracker, ice, ...evidence }: Evidence,
  closed: boolean,
): Pick<Diagnosis, "verdict" | "message"> {
  const { swarms, introductions, links, requests, bytes } = evidence;
  const is = (verdict: Diagnosis["verdict"], message: string) => ({ verdict, message });
  if (closed) return is("closed", "This client was closed; every request is the network's.");
  if (!secureContext) {
    return is(
      "insecure-context",
      "This page is no secure context, so nothing can be verified and Shoal is off. Serve it over https.",
    );
  }
  if (!webrtc) {
    return is("no-webrtc", "This browser has no WebRTC, or its owner has switched it off.");
  }
  if (consent !== "granted") {
    return is(
      "no-consent",
      consent === "ask"
        ? 'The visitor has not been asked yet, or has not answered: call setConsent("granted") when they agree.'
        : "The visitor has declined, or the page says so.",
    );
  }
  if (tracker.url === null) {
    return is("no-tracker", "No tracker is named, so nobody can be met. Set data-tracker.");
  }
  if (links > 0) {
    if (bytes.peers + bytes.uploaded > 0) {
      return is("works", `It works: ${links} linked, and bytes have moved between them.`);
    }
    return is(
      "works",
      `Linked with ${links}; nothing that one holds has been wanted by another yet.`,
    );
  }
  if (tracker.refusal !== null) return is("tracker-refused", tracker.refusal);
  if (tracker.state !== "connected") {
    if (tracker.answersHttp === true && tracker.state !== "connecting") {
      return is(
        "socket-blocked",
        `${tracker.url} answers, but takes no socket from this page. Is the page's origin among its --site, ` +
          "does the proxy in front pass WebSockets, does the page's connect-src allow it?",
      );
    }
    if (tracker.answersHttp === true) return is("joining", "The tracker is just being joined.");
    return is(
      "tracker-unreachable",
      `Nothing answers at ${tracker.url}. Is the tracker running, and reachable from this network?`,
    );
  }
  if (swarms.joined === 0) {
    return is(
      "nothing-shared",
      requests.passed > 0
        ? "What was requested may not be shared: it is in no manifest, or excluded. See the manifest problems in `degraded`."
        : "Nothing was requested through Shoal yet: use shoal.fetch(url), a player's loader or the service worker.",
    );
  }
  if (swarms.others === 0) {
    return is(
      "alone",
      "Nobody else is here for the same content now. Open the page in a second browser.",
    );
  }
  if (ice?.candidates.length === 0) {
    return is(
      "no-candidates",
      "The browser finds no address to link from: a policy, an extension or a VPN keeps WebRTC from it.",
    );
  }
  if (introductions.failed > 0 && introductions.linked === 0) {
    return is("links-fail", `Others are there, but no link comes about: ${hurdle(ice)}`);
  }
  return is("linking", "Others are there; links to them are on their way.");
}

function hurdle(ice: Ways | null): string {
  const { candidates = [], servers = [] } = ice ?? {};
  if (candidates.includes("relay"))
    return "not even by relay. Is the other end's UDP or TCP blocked?";
  if (servers.includes("turn"))
    return "the TURN server gave no relay. Are its URL and secret right?";
  if (servers.includes("stun") && !candidates.includes("srflx")) {
    return "the STUN server did not answer, so UDP may be blocked here. A TURN server over TCP helps.";
  }
  return "the networks do not let each other in. A TURN server helps (--turn-url).";
}

async function answers(fetcher: typeof fetch, trackerUrl: string): Promise<boolean> {
  try {
    const url = new URL("healthz", trackerUrl.replace(/^ws/, "http"));
    const init = { cache: "no-store", credentials: "omit" } as const;
    return (await fetcher(url, { ...init, signal: AbortSignal.timeout(HTTP_PATIENCE_MS) })).ok;
  } catch {
    return false;
  }
}
