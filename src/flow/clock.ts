/** Milliseconds by a clock that only goes forward. Of the standard `performance`, Node makes much more than its clock: it takes longer to load than most that is timed. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}
