// A request of a simulated page from its beginning to its end, as the client's `fetch` sees it through: what the core has
// found, the network where that has nothing, and what neighbours know where the network has nothing either.

import { ShoalError } from "../../client/core/errors.ts";
import type { CacheMode, Content } from "../../client/core/vocabulary.ts";
import { type Bytes, concatenated, sameBytes } from "../../tracker/protocol/bytes.ts";
import type { Visitor } from "./visitor.ts";
import type { World } from "./world.ts";

export interface Answer {
  readonly from: "shoal" | "network";
  readonly body: Bytes;
}

/** `null`: the page sees an error. */
export async function fetchAsPage(
  world: World,
  visitor: Visitor,
  url: string,
  mode: CacheMode = "default",
): Promise<Answer | null> {
  const { peer } = visitor;
  const found = await peer.find(url, mode);
  const content = found && (found.current === null ? found.content : await found.current);
  if (content !== undefined) return readAsPage(world, visitor, content);
  const network = await fromNetwork(world, visitor, url);
  if (network !== null || found !== undefined || mode !== "default") return network;
  const salvaged = await peer.salvage(url);
  return salvaged === undefined ? null : readAsPage(world, visitor, salvaged);
}

async function readAsPage(
  world: World,
  visitor: Visitor,
  content: Content,
): Promise<Answer | null> {
  const { url, size } = content.asset;
  const reading = visitor.peer.read(content, { first: 0, last: size - 1 }, "now");
  const parts: Bytes[] = [];
  try {
    for (;;) {
      const bytes = await reading.next();
      if (bytes === null) return { from: "shoal", body: concatenated(parts) };
      parts.push(bytes);
    }
  } catch (error) {
    reading.close();
    if (!(error instanceof ShoalError)) return null;
    // The page goes on with the network's answer, if that begins with what it has seen.
    const seen = concatenated(parts);
    const rest = await fromNetwork(world, visitor, url);
    return rest && sameBytes(rest.body.subarray(0, seen.length), seen) ? rest : null;
  }
}

function fromNetwork(world: World, visitor: Visitor, url: string): Promise<Answer | null> {
  return new Promise((resolve) => {
    const parts: Bytes[] = [];
    world.origin.for(visitor.node).read(
      { url, range: "whole", cache: "default" },
      {
        start: () => {},
        bytes: (bytes) => parts.push(bytes),
        end: ({ kind }) =>
          resolve(kind === "complete" ? { from: "network", body: concatenated(parts) } : null),
      },
    );
  });
}
