// How long an answer is waited for: a Redis that hangs neither answers nor fails.

/** Rejects when nothing has come by then; what comes later is ignored. */
export async function within<Value>(patienceMs: number, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
