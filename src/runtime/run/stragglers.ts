/** Committed tasks before a median means anything. */
const MIN_SAMPLES = 3
/** How many times the median an attempt must have run. */
const FACTOR = 2
/** Attempts shorter than this are never worth a second one. */
const MIN_MS = 2_000

/** Whether an attempt has run so much longer than those of its stage that a second one may be quicker. */
export function isStraggler(elapsedMs: number, durations: readonly number[]): boolean {
  if (elapsedMs < MIN_MS || durations.length < MIN_SAMPLES) return false
  const sorted = durations.toSorted((a, b) => a - b)
  return elapsedMs > FACTOR * sorted[sorted.length >> 1]!
}
