// Status and headers of what Shoal answers itself (RFC 9110, sections 14.4 and 15.3.7). The same from a page and from the
// service worker, so that a reader who meets both cannot tell them apart.

import type { AssetStatement } from "../tracker/protocol/manifest.ts";
import type { ByteRange } from "./core/vocabulary.ts";

export function headOf(
  { size, type }: Pick<AssetStatement, "size" | "type">,
  range: ByteRange | "whole" | "unsatisfiable",
): ResponseInit & { readonly headers: Record<string, string> } {
  if (range === "unsatisfiable") {
    return {
      status: 416,
      statusText: "Range Not Satisfiable",
      headers: {
        "Content-Length": "0",
        "Content-Range": `bytes */${size}`,
        "Cache-Status": "shoal; hit",
      },
    };
  }
  const isWhole = range === "whole";
  return {
    status: isWhole ? 200 : 206,
    statusText: isWhole ? "OK" : "Partial Content",
    headers: {
      "Accept-Ranges": "bytes",
      "Content-Length": String(isWhole ? size : range.last - range.first + 1),
      "Content-Type": type,
      ...(isWhole ? {} : { "Content-Range": `bytes ${range.first}-${range.last}/${size}` }),
    },
  };
}
