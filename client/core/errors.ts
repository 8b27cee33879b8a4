// The one error class that reaches callers, its codes, and the one table of texts. Codes are public API and listed
// in the README; compare `error.code`. Expected outcomes (a miss, a choke, a lost link) are never errors.

/**
 * By code, the facts. `url`: absolute, of the manifest for `manifest/…`, else of the asset. `chunk`: from 0. `limit`: bytes.
 * `epoch`, `known`: the manifest's, and the newest seen so far. `path`: into the file's JSON; empty for all of it.
 */
export interface ErrorDetails {
  "options/invalid": { readonly option: string; readonly expected: string };
  "manifest/unreachable": { readonly url: string };
  "manifest/malformed": { readonly url: string; readonly path: string; readonly expected: string };
  "manifest/too-large": { readonly url: string; readonly limit: number };
  "manifest/signature": { readonly url: string; readonly asset: string };
  "manifest/signer": { readonly url: string };
  "manifest/rollback": { readonly url: string; readonly epoch: number; readonly known: number };
  "origin/unreachable": { readonly url: string };
  "origin/status": { readonly url: string; readonly status: number };
  "origin/mismatch": { readonly url: string; readonly chunk: number };
  "content/purged": { readonly url: string; readonly chunk: number };
  "origin/unshareable": { readonly url: string };
  "client/closed": Record<never, never>;
}
/** Stable; listed with what Shoal does about each in the README. */
export type ErrorCode = keyof ErrorDetails;

const TEXTS: { readonly [C in ErrorCode]: (details: ErrorDetails[C]) => string } = {
  "options/invalid": ({ option, expected }) => `Option "${option}" must be ${expected}.`,
  "manifest/unreachable": ({ url }) => `The manifest at ${url} could not be read.`,
  "manifest/malformed": ({ url, path, expected }) =>
    `The manifest at ${url} is malformed: ${path || "the file"} must be ${expected}.`,
  "manifest/too-large": ({ url, limit }) =>
    `The manifest at ${url} has more than ${limit} bytes; publish the site in several parts.`,
  "manifest/signature": ({ url, asset }) =>
    `The manifest at ${url} does not vouch for ${asset}: its signature is wrong. Publish it again.`,
  "manifest/signer": ({ url }) =>
    `The manifest at ${url} is signed with another key than the pinned one.`,
  "manifest/rollback": ({ url, epoch, known }) =>
    `The manifest at ${url} is older (epoch ${epoch}) than one already seen (${known}).`,
  "origin/unreachable": ({ url }) =>
    `${url} could not be read from its origin, and no peer has it.`,
  "origin/status": ({ url, status }) => `The origin answered ${status} for ${url}.`,
  "origin/mismatch": ({ url, chunk }) =>
    `${url} at the origin differs from its manifest in chunk ${chunk}. Publish the manifest again.`,
  "content/purged": ({ url }) => `${url} was purged while it was being read.`,
  "origin/unshareable": ({ url }) =>
    `${url} is not for everybody, says its origin (private, no-store or Vary).`,
  "client/closed": () => "The client is closed.",
};

/** The one class of errors that reach callers. Compare `code`, which is stable, not the text, nor the class across bundles. */
export class ShoalError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "ShoalError";
  readonly code: C;
  readonly details: ErrorDetails[C];
  constructor(code: C, details: ErrorDetails[C]) {
    super(TEXTS[code](details));
    this.code = code;
    this.details = details;
  }
}

/** For states the types rule out. */
export function unreachable(value: never): never {
  throw new Error(`Impossible: ${JSON.stringify(value)}`);
}
