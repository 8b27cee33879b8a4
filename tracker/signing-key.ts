// The key this tracker signs with, from the operator's file or, without one, for as long as the process runs.

import { KeyFileError, openSigningKey, passingKey, type SigningKey } from "./manifest/keys.ts";
import { OptionError } from "./options.ts";

/** Makes the file if there is none. Rejects with an `OptionError` that names the flag. */
export async function trackerKey(file: string | undefined): Promise<SigningKey> {
  if (file === undefined) return passingKey();
  try {
    return (await openSigningKey(file)).key;
  } catch (error) {
    if (error instanceof KeyFileError) throw new OptionError("key", `--key: ${error.message}`);
    throw error;
  }
}
