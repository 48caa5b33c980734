import { JobError } from './error.ts'

/** A flow longer than this is spread over its first 31 days. */
export const MAX_SPREAD_MS = 31 * 86_400_000
/** A flow that covers more bins than this is spread over its first so many. */
export const MAX_SPREAD_BINS = 100_000

/** Where the flow that `map` is given keeps what `prorate` must know of the run; a symbol of the registry, because bundles of earlier versions carry a copy of their own. */
export const SPREAD: unique symbol = Symbol.for('flowreduce.spread')

/** The period of the run, [from, to) in milliseconds, the counters that the job reads, and what happens when a flow is capped. */
export interface Spread {
  readonly from: number
  readonly to: number
  readonly bytes: boolean
  readonly packets: boolean
  capped(): void
}

/** What `prorate` reads of a flow; counters it lacks are not shared out. */
export interface Spreadable {
  readonly start: number
  readonly end: number
  readonly bytes?: number
  readonly packets?: number
  readonly [SPREAD]?: Spread
}

/** The part of a flow that falls into one bin. */
export type Share<F> = {
  /** Aligned start of the bin, milliseconds. */
  readonly start: number
  /** True when the flow was too long, or covered too many bins, and has been spread over its first part. */
  readonly capped: boolean
} & { readonly [N in Extract<keyof F, 'bytes' | 'packets'>]: number }

/** The shares of a flow one after the other: `next` comes to the next of them, which the other properties tell until it is called again; false when there is none left. */
export type ShareCursor<F> = Share<F> & { next(): boolean }

/**
 * Spreads the counters of a flow over the bins of `binMs` milliseconds that it covers, in proportion to time, whole numbers only:
 * a share is floor(B * t2 / d) - floor(B * t1 / d) for the part [t1, t2) of its duration d, so that the shares of a flow add up to exactly B,
 * and those of adjacent periods to those of the whole. A flow whose end is at or before its start falls wholly into the bin of its start.
 * In a job with a period, shares are cut at its ends; bins keep their aligned start.
 */
export function prorate<F extends Spreadable>(flow: F, binMs: number): readonly Share<F>[] {
  const cursor = new Shares()
  cursor.begin(flow, binMs)
  const shares: FullShare[] = []
  while (cursor.next()) {
    const { start, capped, bytes, packets } = cursor
    shares.push({ start, capped, bytes, packets })
  }
  return shares as readonly FullShare[] as readonly Share<F>[]
}

/**
 * The shares that `prorate` gives, without an array or an object for each: a map that looks at every flow is twice as fast with it.
 * There is one cursor, which the next call begins anew, so shares are to be used one flow at a time and not kept.
 */
export function sharesOf<F extends Spreadable>(flow: F, binMs: number): ShareCursor<F> {
  shared.begin(flow, binMs)
  return shared as FullShare & { next(): boolean } as ShareCursor<F>
}

/** A share with both counters, 0 where the flow lacks one; the type of `prorate` shows those that the flow has. */
interface FullShare {
  readonly start: number
  readonly capped: boolean
  readonly bytes: number
  readonly packets: number
}

/** What is left of the shares at hand. */
const NONE = 0
/** One, which is at hand already. */
const WHOLE = 1
const SOME = 2

/** Numbers are fractions at first, as V8 keeps such fields in place and does not make an object for each new value. */
class Shares implements FullShare {
  start = Number.NaN
  bytes = Number.NaN
  packets = Number.NaN
  capped = false
  #left = NONE
  #binMs = Number.NaN
  /** The bin of the flow before. */
  #bin = Number.NaN
  /** Of the flow at hand: its counters, its first millisecond, its duration, where the next share begins and the last ends. */
  #bytes = Number.NaN
  #packets = Number.NaN
  #first = Number.NaN
  #duration = Number.NaN
  #from = Number.NaN
  #to = Number.NaN

  begin(flow: Spreadable, binMs: number): void {
    if (binMs !== this.#binMs) this.#setBin(binMs)
    const spread = flow[SPREAD]
    const { start } = flow
    const full = flow.end - start
    // Flows come in order of time, more or less.
    if (!(start >= this.#bin && start < this.#bin + binMs)) this.#bin = Math.floor(start / binMs) * binMs
    this.start = this.#bin
    this.capped = false
    this.bytes = (spread ? spread.bytes : flow.bytes !== undefined) ? flow.bytes! : 0
    this.packets = (spread ? spread.packets : flow.packets !== undefined) ? flow.packets! : 0
    if (isWhole(start, full, this.#bin + binMs, spread)) this.#left = WHOLE
    else this.#divide(start, full, spread)
  }

  next(): boolean {
    if (this.#left !== WHOLE) return this.#left === SOME && this.#advance()
    this.#left = NONE
    return true
  }

  #setBin(binMs: number): void {
    if (!(binMs >= 1 && Number.isSafeInteger(binMs)))
      throw new JobError('bad-value', `prorate: bin expected whole milliseconds above 0, got ${binMs}`)
    this.#binMs = binMs
    this.#bin = Number.NaN
  }

  #divide(start: number, full: number, spread: Spread | undefined): void {
    const most = Math.min(MAX_SPREAD_MS, this.#bin + MAX_SPREAD_BINS * this.#binMs - start)
    this.capped = full > most
    if (this.capped) spread?.capped()
    // A flow without duration is as one of a millisecond: it has one bin, and lies inside a period or outside it.
    const duration = this.capped ? most : full > 0 ? full : 1
    this.#bytes = this.bytes
    this.#packets = this.packets
    this.#first = start
    this.#duration = duration
    this.#from = spread && spread.from > start ? spread.from : start
    this.#to = spread && spread.to < start + duration ? spread.to : start + duration
    this.#left = this.#from < this.#to ? SOME : NONE
  }

  /** Comes to the next share of a flow that has been divided. */
  #advance(): boolean {
    const from = this.#from - this.#first
    this.start = Math.floor(this.#from / this.#binMs) * this.#binMs
    this.#from = Math.min(this.start + this.#binMs, this.#to)
    const until = this.#from - this.#first
    this.bytes = partOf(this.#bytes, until, this.#duration) - partOf(this.#bytes, from, this.#duration)
    this.packets = partOf(this.#packets, until, this.#duration) - partOf(this.#packets, from, this.#duration)
    if (this.#from >= this.#to) this.#left = NONE
    return true
  }
}

const shared = new Shares()

/** Whether a flow of `full` milliseconds lies in one bin, which ends at `binEnd`, and in the period: most do. */
export function isWhole(start: number, full: number, binEnd: number, spread: Spread | undefined): boolean {
  const end = start + (full > 0 ? full : 1)
  if (end > binEnd || full > MAX_SPREAD_MS) return false
  return spread === undefined || (start >= spread.from && end <= spread.to)
}

/** floor(count * elapsed / duration), exactly, for 0 <= elapsed <= duration and count up to 2^53 - 1. */
export function partOf(count: number, elapsed: number, duration: number): number {
  if (elapsed >= duration) return count
  const product = count * elapsed
  // The quotient of two integers is floored right as long as the dividend is exact.
  if (product <= Number.MAX_SAFE_INTEGER) return Math.floor(product / duration)
  const whole = Math.floor(count / duration)
  const rest = (count - whole * duration) * elapsed
  if (rest <= Number.MAX_SAFE_INTEGER) return whole * elapsed + Math.floor(rest / duration)
  return Number((BigInt(count) * BigInt(elapsed)) / BigInt(duration))
}
