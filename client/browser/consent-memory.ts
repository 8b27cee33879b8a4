// What the visitor answered, kept for the next page of this site: one word in local storage, which is sent to nobody. No
// cookie. Owns its key and its event listener; where there is no storage it forgets, and the visitor is asked again.

import type { Cancel } from "../core/vocabulary.ts";

const KEY = "shoal-consent";

type Answer = "granted" | "denied";

const answerIn = (text: string | null): Answer | null =>
  text === "granted" || text === "denied" ? text : null;

export function recallConsent(): Answer | null {
  try {
    return answerIn(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function rememberConsent(answer: Answer): void {
  try {
    localStorage.setItem(KEY, answer);
  } catch {
    // Full or forbidden: it holds for this page.
  }
}

/** Answers given in other tabs of the site: a withdrawal there is one here. */
export function watchConsent(answered: (answer: Answer) => void): Cancel {
  const stop = new AbortController();
  addEventListener(
    "storage",
    ({ key, newValue }) => {
      const answer = key === KEY ? answerIn(newValue) : null;
      if (answer !== null) answered(answer);
    },
    { signal: stop.signal },
  );
  return () => stop.abort();
}
