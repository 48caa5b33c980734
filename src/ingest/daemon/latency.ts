/** Datagrams that came within a tenth of a second. */
export interface Arrival {
  /** When the first of them came. */
  readonly receivedMs: number
  readonly datagrams: number
}

const SLOT_MS = 100

/** Gathers when the datagrams of a roll came. */
export class Arrivals {
  #slots: { receivedMs: number; datagrams: number }[] = []

  add(receivedMs: number, datagrams: number): void {
    const last = this.#slots.at(-1)
    const sinceMs = receivedMs - (last?.receivedMs ?? Number.NEGATIVE_INFINITY)
    if (last && sinceMs >= 0 && sinceMs < SLOT_MS) last.datagrams += datagrams
    else this.#slots.push({ receivedMs, datagrams })
  }

  /** What was gathered since the last call. */
  take(): readonly Arrival[] {
    const taken = this.#slots
    this.#slots = []
    return taken
  }
}

/** Upper bounds of the classes of a histogram of latencies, in seconds, inclusive; a last class has no bound. */
export const LATENCY_BOUNDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 300, 900, 3600] as const

/** Datagrams by the time from their arrival to their commit. */
export interface LatencyHistogram {
  /** By class, not added up. */
  readonly counts: readonly number[]
  readonly sumSeconds: number
}

export const NO_LATENCIES: LatencyHistogram = { counts: LATENCY_BOUNDS.map(() => 0).concat(0), sumSeconds: 0 }

/** The histogram with datagrams added that are committed at `nowMs`. */
export function addLatencies(
  { counts, sumSeconds }: LatencyHistogram,
  arrivals: readonly Arrival[],
  nowMs: number,
): LatencyHistogram {
  const sum = [...counts]
  let seconds = sumSeconds
  for (const { receivedMs, datagrams } of arrivals) {
    const latency = Math.max(0, nowMs - receivedMs) / 1000
    const bound = LATENCY_BOUNDS.findIndex((upper) => latency <= upper)
    sum[bound < 0 ? LATENCY_BOUNDS.length : bound]! += datagrams
    seconds += latency * datagrams
  }
  return { counts: sum, sumSeconds: seconds }
}
