import { randomFillSync } from 'node:crypto'
import { setTimeout as sleepFor } from 'node:timers/promises'

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

/** Longest wait of one timer; Node fires at once for anything longer. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The clock of the machine and the randomness of the operating system, so that ids of two processes never meet. */
export function realSystem(): System {
  const pool = new Uint32Array(512)
  let next = pool.length
  return {
    now: () => Date.now(),
    random() {
      if (next === pool.length) {
        randomFillSync(pool)
        next = 0
      }
      const high = pool[next++] ?? 0
      const low = pool[next++] ?? 0
      return unitInterval(high, low)
    },
    async sleep(ms, signal) {
      try {
        for (let left = ms; left > 0; left -= MAX_TIMER_MS)
          await sleepFor(Math.min(left, MAX_TIMER_MS), undefined, signal && { signal })
      } catch (error) {
        throw signal?.aborted ? signal.reason : error
      }
      signal?.throwIfAborted()
    },
  }
}

/** A system whose clock only tests move. */
export interface SeededSystem extends System {
  /** Moves the clock on by `ms`, waking every sleeper on the way at its own time, earliest first. */
  advance(ms: number): Promise<void>
}

export interface SeededOptions {
  /** Where the clock starts, milliseconds. */
  readonly start?: number
  /** Move the clock to the next sleeper whenever the event loop comes round; off, only `advance` moves it. */
  readonly autoAdvance?: boolean
}

interface Sleeper {
  readonly wakeAt: number
  readonly wake: () => void
}

/** A system with a virtual clock and repeatable randomness. A sleep takes no real time: it moves the clock on, in the order the sleepers wake. */
export function seededSystem(seed: number, options: SeededOptions = {}): SeededSystem {
  const { start = Date.UTC(2026, 0, 1), autoAdvance = true } = options
  const draw = mulberry32(seed)
  const sleepers: Sleeper[] = []
  let now = start
  let ticking = false

  /** Wakes the earliest sleeper due by `limit`; false when there is none. */
  const wakeNext = (limit: number): boolean => {
    const sleeper = sleepers[0]
    if (sleeper === undefined || sleeper.wakeAt > limit) return false
    sleepers.shift()
    now = Math.max(now, sleeper.wakeAt)
    sleeper.wake()
    return true
  }
  const tick = (): void => {
    ticking = wakeNext(Number.POSITIVE_INFINITY) && sleepers.length > 0
    if (ticking) setImmediate(tick)
  }
  const enqueue = (sleeper: Sleeper): void => {
    const after = sleepers.findIndex((other) => other.wakeAt > sleeper.wakeAt)
    sleepers.splice(after < 0 ? sleepers.length : after, 0, sleeper)
    if (!autoAdvance || ticking) return
    ticking = true
    setImmediate(tick)
  }

  return {
    now: () => now,
    random: () => unitInterval(draw(), draw()),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const abort = (): void => {
          sleepers.splice(sleepers.indexOf(sleeper), 1)
          reject(signal?.reason)
        }
        const wake = (): void => {
          signal?.removeEventListener('abort', abort)
          resolve()
        }
        const sleeper = { wakeAt: now + Math.max(0, ms), wake }
        signal?.addEventListener('abort', abort, { once: true })
        enqueue(sleeper)
      }),
    async advance(ms) {
      const until = now + ms
      do await new Promise(setImmediate)
      while (wakeNext(until))
      now = Math.max(now, until)
    },
  }
}

/** 53 random bits as a number in [0, 1). */
function unitInterval(high: number, low: number): number {
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
}

/** Mulberry32: a 32-bit generator whose whole state is its seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}
