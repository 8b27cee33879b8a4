// A page's word, left in the index store, that a URL is a certain content until a certain moment. With it the service worker serves
// what is cached without asking any page. Trust stays where it is: only a page that has checked a manifest writes one,
// and the worker checks every chunk against it, and whether this browser has learned anything against it since.

import { type Bytes, fromUtf8, utf8 } from "../../tracker/protocol/bytes.ts";
import type { AssetStatement } from "../../tracker/protocol/manifest.ts";
import { writeStatement } from "../core/cache/description.ts";
import type { Millis } from "../core/vocabulary.ts";
import { assetIn } from "./bridge.ts";

export interface Voucher {
  readonly asset: AssetStatement;
  /** The URL of the manifest that says so. */
  readonly manifest: string;
  /** By the wall clock, in milliseconds since 1970. Afterwards it counts only when the origin fails. */
  readonly until: Millis;
  /** Afterwards it does not count for that either. */
  readonly last: Millis;
}

const PREFIX = "voucher.";
export const voucherKey = (url: string): string => PREFIX + url;
/** `undefined`: the key of something else. */
export const vouchedUrl = (key: string): string | undefined =>
  key.startsWith(PREFIX) ? key.slice(PREFIX.length) : undefined;

export const writeVoucher = ({ asset, manifest, until, last }: Voucher): Bytes =>
  utf8(`${until} ${last} ${manifest}\n${writeStatement(asset)}`);

export function parseVoucher(url: string, record: Bytes): Voucher | undefined {
  const parts = /^(\d{1,15}) (\d{1,15}) (\S+)\n(.+)$/s.exec(fromUtf8(record) ?? "") ?? [];
  const [, until, last, manifest = "", text = ""] = parts;
  const asset = assetIn(text, url);
  return asset === undefined
    ? undefined
    : { asset, manifest, until: Number(until), last: Number(last) };
}
