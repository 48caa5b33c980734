/** A number at most this far from the highest of a stream belongs to it. */
const NEAR = 1000

/** Streams followed at a time under one key; the totals of older ones are kept. */
const STREAMS = 8

/** Numbers behind the highest that are remembered one by one: more than `NEAR`, so that each is counted once. */
const WINDOW = 1024

/** One run of numbers as plain data. */
export interface RunState {
  readonly high: number
  readonly span: number
  readonly distinct: number
  /** Numbers of the span that have not come, by how far they lie behind the highest; only those near enough to come late. */
  readonly missing: number[]
}

/** All that is known of a numbering, as plain data. */
export interface SflowStreamState {
  readonly received: number
  readonly first: number
  readonly last: number
  readonly streams: number
  readonly outOfOrder: number
  readonly lostBefore: number
  readonly open: RunState[]
}

/** One run of numbers: an agent between two restarts, or one of several engines that number for themselves. */
class Stream {
  high: number
  /** Span from the lowest to the highest. */
  span: number
  distinct: number
  readonly #seen = new Uint8Array(WINDOW)

  constructor({ high, span, distinct, missing }: RunState) {
    this.high = high
    this.span = span
    this.distinct = distinct
    for (let behind = 0; behind < Math.min(span, WINDOW); behind++) this.#seen[this.#slot(-behind)] = 1
    for (const behind of missing) this.#seen[this.#slot(-behind)] = 0
  }

  state(): RunState {
    const { high, span, distinct } = this
    const missing: number[] = []
    for (let behind = 0; behind < Math.min(span, WINDOW); behind++) {
      if (this.#seen[this.#slot(-behind)] === 0) missing.push(behind)
    }
    return { high, span, distinct, missing }
  }

  /** Takes a number `step` away from the highest; returns whether it is new. */
  take(step: number): boolean {
    if (step > 0) {
      for (let i = 1; i < step; i++) this.#seen[(this.high + i) % WINDOW] = 0
      this.high = (this.high + step) >>> 0
      this.span += step
    } else {
      this.span = Math.max(this.span, 1 - step)
    }
    const slot = this.#slot(Math.min(0, step))
    const isNew = step > 0 || this.#seen[slot] === 0
    this.#seen[slot] = 1
    if (isNew) this.distinct++
    return isNew
  }

  get lost(): number {
    return this.span - this.distinct
  }

  /** The slot of the number `step` away from the highest. WINDOW divides 2^32, so that slots go on across a wrap. */
  #slot(step: number): number {
    return ((this.high + step) >>> 0) % WINDOW
  }
}

/** Loss of what sFlow numbers: datagrams of a sub-agent, or samples of a source. Numbers are modulo 2^32. */
export class SflowStream {
  received = 0
  first = 0
  last = 0
  streams = 0
  outOfOrder = 0
  #lostBefore = 0
  #streams: Stream[] = []

  /** `state` is that of an earlier life. */
  constructor(state?: SflowStreamState) {
    if (!state) return
    this.received = state.received
    this.first = state.first
    this.last = state.last
    this.streams = state.streams
    this.outOfOrder = state.outOfOrder
    this.#lostBefore = state.lostBefore
    this.#streams = state.open.slice(-STREAMS).map((run) => new Stream(run))
  }

  state(): SflowStreamState {
    const { received, first, last, streams, outOfOrder } = this
    const open = this.#streams.map((stream) => stream.state())
    return { received, first, last, streams, outOfOrder, lostBefore: this.#lostBefore, open }
  }

  /** Takes the next number: it joins the stream whose highest number is nearest, if that is near, else it opens one. */
  take(number: number): void {
    if (this.received === 0) this.first = number
    this.last = number
    this.received++
    let best: Stream | undefined
    let bestStep = 0
    for (const stream of this.#streams) {
      const step = (number - stream.high) | 0
      if (Math.abs(step) <= NEAR && (!best || Math.abs(step) < Math.abs(bestStep))) {
        best = stream
        bestStep = step
      }
    }
    if (!best) {
      this.#open(number)
      return
    }
    if (bestStep <= 0) this.outOfOrder++
    best.take(bestStep)
  }

  get lost(): number {
    return this.#streams.reduce((lost, stream) => lost + stream.lost, this.#lostBefore)
  }

  #open(number: number): void {
    this.streams++
    if (this.#streams.length >= STREAMS) this.#lostBefore += this.#streams.shift()!.lost
    this.#streams.push(new Stream({ high: number, span: 1, distinct: 1, missing: [] }))
  }
}
