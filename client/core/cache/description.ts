// What a cached content is, as the index store has it: a manifest of one asset, which anybody can check by itself. The same text
// serves wherever one statement has to be handed on.

import { type Bytes, fromUtf8, utf8 } from "../../../tracker/protocol/bytes.ts";
import {
  type AssetStatement,
  parseManifest,
  writeManifest,
} from "../../../tracker/protocol/manifest.ts";
import type { Store } from "../ports.ts";
import type { Content, ContentId } from "../vocabulary.ts";

export type ContentOf = (asset: AssetStatement) => Promise<Content>;

const PREFIX = "content.";
export const descriptionKey = (id: ContentId): string => PREFIX + id;
export const isDescriptionKey = (key: string): boolean => key.startsWith(PREFIX);

export const writeStatement = (asset: AssetStatement): string =>
  writeManifest(asset.epoch, asset.key, [asset]);

export function readStatement(text: string): AssetStatement | undefined {
  const parsed = parseManifest(text);
  return parsed.ok ? parsed.manifest.assets[0] : undefined;
}

export const writeDescription = ({ asset }: Content): Bytes => utf8(writeStatement(asset));

/** `undefined`: there is none, or it describes something else. */
export async function readDescription(
  index: Pick<Store, "get">,
  key: string,
  contentOf: ContentOf,
): Promise<Content | undefined> {
  const record = await index.get(key);
  const asset = record && readStatement(fromUtf8(record) ?? "");
  const content = asset && (await contentOf(asset));
  return content !== undefined && key === descriptionKey(content.id) ? content : undefined;
}
