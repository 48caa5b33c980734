/**
 * Clock, randomness, ids and sleep, injected everywhere a component would otherwise reach for the real ones, so that tests of
 * leases, retries, gc and schedules never sleep and any failure replays from its seed.
 */
export interface System {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number
  /** Uniform in [0, 1). */
  random(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
