// What is concluded from the evidence: the first reason that explains everything after it.

import { expect, test } from "vitest";
import { conclude, type Evidence } from "../../../client/diagnose.ts";

const TRACKER = {
  url: "wss://tracker.example/",
  state: "connected",
  answersHttp: null,
  refusal: null,
} as const;

/** A visitor who is linked with two others that have given something. */
const WORKING: Evidence = {
  secureContext: true,
  webrtc: true,
  consent: "granted",
  upload: true,
  storage: "persistent",
  tracker: TRACKER,
  ice: { candidates: ["host"], servers: [] },
  swarms: { joined: 1, others: 2, holders: 1 },
  introductions: { linked: 2, failed: 0, underWay: 0 },
  links: 2,
  requests: { answered: 1, passed: 0 },
  bytes: { cache: 0, peers: 1, origin: 1, wasted: 0, uploaded: 0 },
  degraded: [],
  violations: {},
  worker: "none",
};
const ALONE = { links: 0, introductions: { linked: 0, failed: 0, underWay: 0 } };
const FAILING = { links: 0, introductions: { linked: 0, failed: 3, underWay: 0 } };
const UNREACHABLE = { ...ALONE, tracker: { ...TRACKER, state: "unreachable" } } as const;

type Case = readonly [why: string, change: Partial<Evidence>, verdict: string, says: RegExp];
const cases: readonly Case[] = [
  ["bytes came from others", {}, "works", /2 linked, and bytes/],
  [
    "links are there and idle",
    { bytes: { cache: 0, peers: 0, origin: 9, wasted: 0, uploaded: 0 } },
    "works",
    /nothing that one holds/,
  ],
  ["the page is plain http", { secureContext: false, webrtc: false }, "insecure-context", /https/],
  ["there is no WebRTC", { webrtc: false, consent: "ask" }, "no-webrtc", /WebRTC/],
  ["nobody asked yet", { ...ALONE, consent: "ask" }, "no-consent", /setConsent/],
  ["the visitor declined", { ...ALONE, consent: "denied" }, "no-consent", /declined/],
  [
    "no tracker is named",
    { ...ALONE, tracker: { ...TRACKER, url: null, state: "off" } },
    "no-tracker",
    /data-tracker/,
  ],
  [
    "the tracker refuses",
    { ...ALONE, tracker: { ...TRACKER, state: "off", refusal: "It has expired." } },
    "tracker-refused",
    /^It has expired\.$/,
  ],
  ["links outlive the tracker", { tracker: { ...TRACKER, state: "unreachable" } }, "works", /2/],
  [
    "the tracker is gone",
    { ...UNREACHABLE, tracker: { ...UNREACHABLE.tracker, answersHttp: false } },
    "tracker-unreachable",
    /wss:\/\/tracker\.example/,
  ],
  [
    "only its socket is refused",
    { ...UNREACHABLE, tracker: { ...UNREACHABLE.tracker, answersHttp: true } },
    "socket-blocked",
    /--site.*WebSockets.*connect-src/,
  ],
  [
    "the tracker is being joined",
    { ...ALONE, tracker: { ...TRACKER, state: "connecting", answersHttp: true } },
    "joining",
    /just/,
  ],
  [
    "nothing was asked for",
    {
      ...ALONE,
      swarms: { joined: 0, others: 0, holders: 0 },
      requests: { answered: 0, passed: 0 },
    },
    "nothing-shared",
    /shoal\.fetch/,
  ],
  [
    "what was asked for may not be shared",
    {
      ...ALONE,
      swarms: { joined: 0, others: 0, holders: 0 },
      requests: { answered: 0, passed: 4 },
    },
    "nothing-shared",
    /manifest/,
  ],
  [
    "nobody else is there",
    { ...ALONE, swarms: { joined: 1, others: 0, holders: 0 } },
    "alone",
    /second browser/,
  ],
  [
    "WebRTC is kept from the network",
    { ...FAILING, ice: { candidates: [], servers: ["stun"] } },
    "no-candidates",
    /VPN/,
  ],
  [
    "UDP is blocked",
    { ...FAILING, ice: { candidates: ["host"], servers: ["stun"] } },
    "links-fail",
    /UDP may be blocked/,
  ],
  [
    "the networks do not match and there is no relay",
    { ...FAILING, ice: { candidates: ["host", "srflx"], servers: ["stun"] } },
    "links-fail",
    /--turn-url/,
  ],
  [
    "the relay gives nothing",
    { ...FAILING, ice: { candidates: ["host"], servers: ["turn"] } },
    "links-fail",
    /secret/,
  ],
  ["links are under way", ALONE, "linking", /on their way/],
];

test.each(cases)("%s", (_why, change, verdict, says) => {
  const concluded = conclude({ ...WORKING, ...change }, false);
  expect(concluded.verdict).toBe(verdict);
  expect(concluded.message).toMatch(says);
  expect(concluded.message).toMatch(/[.?]$/);
});

test("a closed client is closed, whatever else is the case", () => {
  expect(conclude({ ...WORKING, secureContext: false }, true).verdict).toBe("closed");
});
