// A voucher comes back as it was written, and anything else is none.

import { expect, test } from "vitest";
import {
  parseVoucher,
  vouchedUrl,
  voucherKey,
  writeVoucher,
} from "../../../../client/worker/voucher.ts";
import { fromUtf8, utf8 } from "../../../../tracker/protocol/bytes.ts";
import { newPublisher } from "../../../support/manifest.ts";

const FILM = "https://site.example/film.mp4?v=2";
const manifest = "https://site.example/.well-known/shoal.json";
const until = 1_700_000_000_000;
const last = 1_700_000_600_000;

test("what was written is read, for the URL it is about", async () => {
  const asset = await (await newPublisher()).statement(FILM, utf8("film"), { epoch: 3 });
  const record = writeVoucher({ asset, manifest, until, last });
  expect(parseVoucher(FILM, record)).toEqual({ asset, manifest, until, last });
  expect(parseVoucher(`${FILM}0`, record)).toBeUndefined();
  expect(vouchedUrl(voucherKey(FILM))).toBe(FILM);
  expect(vouchedUrl("purges")).toBeUndefined();

  const text = fromUtf8(record) ?? "";
  const wrong = [
    "",
    text.replace(String(until), ""),
    text.replace(String(until), "soon"),
    text.replace(String(last), "never"),
    text.replace(` ${manifest}`, ""),
    text.replace("\n", " "),
    text.slice(0, -2),
  ];
  for (const one of wrong) expect(parseVoucher(FILM, utf8(one))).toBeUndefined();
  expect(parseVoucher(FILM, new Uint8Array([255]))).toBeUndefined();
});
