/**
 * Milliseconds since this process began, by a clock that only goes forward and is the same in all of its threads. Of the standard `performance`, Node makes much more than its clock:
 * it takes longer to load than most that is timed.
 */
export const monotonicMs = (): number => process.uptime() * 1000
