// Bad manners for the visitors that are to have some: what such a frame sends is changed right before it leaves, below all
// of Shoal. The client in it is the same as everybody's and knows nothing of it.

export const BEHAVIOURS = ["honest", "lying", "silent"] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** The first byte of a frame that carries a part of a chunk (client/README.md, the protocol between peers). */
const DATA = 0;

/** For this frame, once, before it has a client. */
export function misbehave(how: Behaviour): void {
  if (how === "honest") return;
  const { prototype } = RTCDataChannel;
  const send = prototype.send as (frame: unknown) => void;
  prototype.send = function (this: RTCDataChannel, frame: unknown) {
    if (!(frame instanceof Uint8Array) || frame[0] !== DATA) return send.call(this, frame);
    // Says that it holds a chunk, takes the request, and gives nothing.
    if (how === "silent") return;
    const lie = frame.slice();
    lie[lie.length - 1] = (lie.at(-1) ?? 0) ^ 1;
    send.call(this, lie);
  };
}
