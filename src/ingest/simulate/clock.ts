/** Traffic of each hour of the day (UTC), as a share of the busiest. */
const HOURS = [
  0.42, 0.33, 0.28, 0.25, 0.25, 0.28, 0.38, 0.54, 0.7, 0.8, 0.86, 0.88, 0.86, 0.84, 0.86, 0.87, 0.86, 0.84, 0.88, 0.95,
  1, 0.94, 0.74, 0.55,
]
const MEAN = HOURS.reduce((sum, share) => sum + share, 0) / HOURS.length
const HOUR_MS = 3_600_000

/** How busy the network is at a time, relative to the mean of a day: linear between the hours. */
export function dayCurve(timeMs: number): number {
  const hours = (timeMs / HOUR_MS) % 24
  const hour = Math.floor(hours)
  const from = HOURS[hour] ?? 0
  const to = HOURS[(hour + 1) % 24] ?? 0
  return (from + (to - from) * (hours - hour)) / MEAN
}

/** Share of night-time conversations (backups) at a time, in 0 .. 1. */
export function nightShare(timeMs: number): number {
  return Math.max(0, Math.min(1, 1.4 - dayCurve(timeMs)))
}
