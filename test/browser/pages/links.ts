// What can happen to a WebRTC link, for a page to run by name. Each returns what it saw; the spec judges. The far end
// is a raw connection where Shoal itself would never do such a thing.

/// <reference path="../../../client/browser/simple-peer.d.ts" />

import SimplePeer from "simple-peer/simplepeer.min.js";
import { webRtcTransport } from "../../../client/browser/transport-simple-peer.ts";
import type { Link, LinkListener, Transport } from "../../../client/core/ports.ts";
import type { Bytes } from "../../../tracker/protocol/bytes.ts";
import type { Signal } from "../../../tracker/protocol/messages.ts";
import { patterned } from "../../contract/battery.ts";
import { pagePace } from "./pace.ts";

function transport(settings: { relayOnly?: boolean } = {}): Transport {
  const made = webRtcTransport({ iceServers: [], ...settings });
  if (made === null) throw new Error("no WebRTC in this page");
  return made;
}

class Ear implements LinkListener {
  readonly heard: string[] = [];
  readonly signals: Signal[] = [];
  relay: (signal: Signal) => void = () => {};
  signal(signal: Signal): void {
    this.signals.push(signal);
    this.relay(signal);
  }
  open(): void {
    this.heard.push("open");
  }
  frame(data: Bytes): void {
    this.heard.push(`frame of ${data.length}`);
  }
  drain(): void {
    this.heard.push("drain");
  }
  closed(reason: string): void {
    this.heard.push(`closed: ${reason}`);
  }
}

/** Whether WebRTC is there. */
export const hasTransport = (): boolean => webRtcTransport({ iceServers: [] }) !== null;

/** What the transport needs of simple-peer beyond its documentation. */
export async function privateFields(): Promise<unknown> {
  const make = (initiator: boolean) =>
    new SimplePeer({ initiator, trickle: true, channelConfig: {}, config: { iceServers: [] } });
  const [offerer, answerer] = [make(true), make(false)];
  const fields = {
    connections: [offerer, answerer].map(({ _pc }) => _pc instanceof RTCPeerConnection),
    channels: [offerer._channel instanceof RTCDataChannel, answerer._channel === null],
    channelListens: typeof offerer._channel?.onopen === "function",
    answererListens: typeof answerer._pc?.ondatachannel === "function",
  };
  offerer.destroy();
  answerer.destroy();
  return fields;
}

/** The signals of an offerer nobody answers, by kind. */
export async function offered(relayOnly: boolean): Promise<string[]> {
  const ear = new Ear();
  const link = transport({ relayOnly }).open("offerer", ear);
  await pagePace.until("an offer", () => ear.signals.length > 0);
  for (let time = 0; time < 5; time++) await pagePace.settle();
  link.close();
  return [...new Set(ear.signals.map(({ kind }) => kind))].sort();
}

interface Strange {
  readonly link: Link;
  readonly ear: Ear;
  readonly far: RTCPeerConnection;
  readonly channel: RTCDataChannel;
}

/** A link to a raw far end that offers and has spoken. */
async function strange(): Promise<Strange> {
  const met = await silentStrange();
  met.channel.send(patterned(1));
  await pagePace.until("open", () => met.ear.heard.length > 0);
  met.ear.heard.splice(0);
  return met;
}

/** The same, when the far end has not said anything yet. */
async function silentStrange(): Promise<Strange> {
  const ear = new Ear();
  const link = transport().open("answerer", ear);
  const far = new RTCPeerConnection();
  const channel = far.createDataChannel("strange");
  far.onicecandidate = ({ candidate }) => {
    if (candidate === null) return;
    link.accept({ kind: "candidate", candidate: candidate.candidate, mid: "0", line: 0 });
  };
  const waiting: Signal[] = [];
  ear.relay = (signal) => {
    if (signal.kind === "answer") {
      void far.setRemoteDescription({ type: "answer", sdp: signal.sdp }).then(() => {
        for (const early of waiting.splice(0)) ear.relay(early);
      });
    } else if (signal.kind === "candidate") {
      if (far.remoteDescription === null) waiting.push(signal);
      else void far.addIceCandidate({ candidate: signal.candidate, sdpMLineIndex: 0 });
    }
  };
  await far.setLocalDescription();
  link.accept({ kind: "offer", sdp: far.localDescription?.sdp ?? "" });
  await pagePace.until("open", () => channel.readyState === "open");
  return { link, ear, far, channel };
}

/** The far end opens and says nothing, then something. */
export async function listens(): Promise<{ before: string[]; answer: string; heard: string[] }> {
  const { link, ear, far, channel } = await silentStrange();
  await pagePace.settle();
  const before = [...ear.heard];
  const answer = link.send(patterned(7));
  channel.send(patterned(1));
  await pagePace.until("a frame", () => ear.heard.length > 1);
  link.close();
  far.close();
  return { before, answer, heard: ear.heard };
}

/** The far end speaks text. */
export async function text(): Promise<string[]> {
  const { ear, far, channel } = await strange();
  channel.send("hello");
  await pagePace.until("closed", () => ear.heard.length > 0);
  await pagePace.settle();
  far.close();
  return ear.heard;
}

/** The far end opens a second channel, then uses the first. */
export async function secondChannel(): Promise<{ heard: string[]; second: string }> {
  const { ear, far, channel, link } = await strange();
  const second = far.createDataChannel("second");
  await pagePace.until("the second channel's end", () => second.readyState === "closed");
  channel.send(patterned(7));
  await pagePace.until("a frame", () => ear.heard.length > 0);
  link.close();
  far.close();
  return { heard: ear.heard, second: second.readyState };
}

/** The far end closes the connection without closing the channel first. */
export async function abrupt(): Promise<string[]> {
  const { ear, far } = await strange();
  far.close();
  await pagePace.until("closed", () => ear.heard.length > 0);
  await pagePace.settle();
  return ear.heard;
}

/** A frame larger than the far end takes. */
export async function oversize(): Promise<{ answers: string[]; heard: string[] }> {
  const { ear, far, link } = await strange();
  const answers: string[] = [link.send(patterned(2_000_000)), link.send(patterned(10))];
  await pagePace.until("closed", () => ear.heard.length > 0);
  answers.push(link.send(patterned(10)));
  await pagePace.settle();
  far.close();
  return { answers, heard: ear.heard };
}

/** Descriptions that are none. */
export async function nonsense(): Promise<string[][]> {
  const heard: string[][] = [];
  for (const role of ["offerer", "answerer"] as const) {
    const ear = new Ear();
    const link = transport().open(role, ear);
    if (role === "offerer") await pagePace.until("an offer", () => ear.signals.length > 0);
    link.accept({ kind: role === "offerer" ? "answer" : "offer", sdp: "v=0\r\nnonsense" });
    await pagePace.until("closed", () => ear.heard.length > 0);
    await pagePace.settle();
    heard.push(ear.heard);
  }
  return heard;
}

declare global {
  /** Given by the spec: carries a signal to the other page. */
  var carry: (signal: Signal) => Promise<void>;
  /** Called by the spec with what the other page said. */
  var arrive: (signal: Signal) => void;
  var heard: string[];
}

/** One end of a link between two pages. */
export function endOf(role: "offerer" | "answerer"): void {
  const ear = new Ear();
  ear.relay = (signal) => void globalThis.carry(signal);
  const link = transport().open(role, ear);
  globalThis.heard = ear.heard;
  globalThis.arrive = (signal) => link.accept(signal);
}
