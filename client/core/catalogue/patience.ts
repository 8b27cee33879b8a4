// Waiting for something no longer than it is worth.

import type { Clock } from "../ports.ts";
import type { Cancel, Millis } from "../vocabulary.ts";

/** `late`: the work goes on, and nobody waits for it any more. */
export async function within<T>(
  clock: Clock,
  patience: Millis,
  work: Promise<T>,
): Promise<T | "late"> {
  let cancel: Cancel = () => {};
  const late = new Promise<"late">((resolve) => {
    cancel = clock.after(patience, () => resolve("late"));
  });
  const first = await Promise.race([work, late]);
  cancel();
  return first;
}
