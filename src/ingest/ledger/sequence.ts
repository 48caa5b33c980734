/** A step back of more than this, or to 0, is a restart of the exporter; a smaller one is reordering. */
const REORDER = 1000

const WRAP = 0x1_0000_0000

/** All that a sequence knows, as plain data. */
export interface SequenceState {
  restarts: number
  outOfOrder: number
  /** Units, over all epochs. */
  received: number
  /** Lost in the epochs before this one. */
  lostBefore: number
  started: boolean
  /** Lowest number of this epoch and highest number + units, unwrapped. */
  low: number
  high: number
  epochReceived: number
}

const START: SequenceState = {
  ...{ restarts: 0, outOfOrder: 0, received: 0, lostBefore: 0 },
  ...{ started: false, low: 0, high: 0, epochReceived: 0 },
}

/**
 * Loss of one numbered stream: `number` of a message is the count of units sent before it, modulo 2^32.
 * Lost are highest (number + units) - lowest number - units received, summed over the epochs between restarts.
 */
export class Sequence {
  readonly state: SequenceState

  constructor(state: SequenceState = START) {
    this.state = { ...state }
  }

  /** Takes the next message; returns its unwrapped number, for `add`. `zero` says that the number on the wire is 0. */
  take(number: number, units: number, zero: boolean): number {
    const { state } = this
    if (!state.started) return this.#begin(number, units)
    // Modulo 2^32, with the sign of the shorter way.
    const step = (number - state.high) | 0
    if (step < -REORDER || (zero && step < 0)) {
      state.lostBefore += this.#epochLost
      state.restarts++
      return this.#begin(number, units)
    }
    if (step < 0) state.outOfOrder++
    const at = state.high + step
    state.low = Math.min(state.low, at)
    state.high = Math.max(state.high, at + units)
    state.received += units
    state.epochReceived += units
    return at
  }

  /** More units of a message that `take` numbered `at` in `epoch` (= `restarts` then), found later: `total` are now known of it. */
  add(at: number, epoch: number, total: number, more: number): void {
    const { state } = this
    state.received += more
    if (epoch !== state.restarts) {
      state.lostBefore -= more
      return
    }
    state.epochReceived += more
    state.high = Math.max(state.high, at + total)
  }

  get lost(): number {
    return this.state.lostBefore + this.#epochLost
  }

  get #epochLost(): number {
    const { high, low, epochReceived } = this.state
    return high - low - epochReceived
  }

  #begin(number: number, units: number): number {
    const { state } = this
    // One wrap above zero, so that a reordered message before the first stays positive.
    const at = number + WRAP
    state.started = true
    state.low = at
    state.high = at + units
    state.received += units
    state.epochReceived = units
    return at
  }
}
