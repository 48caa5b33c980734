/** A step back of more than this, or to 0, is a restart of the exporter; a smaller one is reordering. */
const REORDER = 1000

const WRAP = 0x1_0000_0000

/**
 * Loss of one numbered stream: `number` of a message is the count of units sent before it, modulo 2^32.
 * Lost are highest (number + units) - lowest number - units received, summed over the epochs between restarts.
 */
export class Sequence {
  restarts = 0
  outOfOrder = 0
  received = 0
  #lostBefore = 0
  #started = false
  /** Numbers of this epoch, unwrapped. */
  #low = 0
  #high = 0
  #epochReceived = 0

  /** Takes the next message; returns its unwrapped number, for `add`. `zero` says that the number on the wire is 0. */
  take(number: number, units: number, zero: boolean): number {
    if (!this.#started) return this.#begin(number, units)
    const step = (number - (this.#high % WRAP)) | 0
    if (step < -REORDER || (zero && step < 0)) {
      this.#lostBefore += this.#epochLost
      this.restarts++
      return this.#begin(number, units)
    }
    if (step < 0) this.outOfOrder++
    const at = this.#high + step
    this.#low = Math.min(this.#low, at)
    this.#high = Math.max(this.#high, at + units)
    this.received += units
    this.#epochReceived += units
    return at
  }

  /** More units of a message that `take` numbered `at` in `epoch` (= `restarts` then), found later: `total` are now known of it. */
  add(at: number, epoch: number, total: number, more: number): void {
    this.received += more
    if (epoch !== this.restarts) {
      this.#lostBefore -= more
      return
    }
    this.#epochReceived += more
    this.#high = Math.max(this.#high, at + total)
  }

  get lost(): number {
    return this.#lostBefore + this.#epochLost
  }

  get #epochLost(): number {
    return this.#high - this.#low - this.#epochReceived
  }

  #begin(number: number, units: number): number {
    // One wrap above zero, so that a reordered first message stays positive.
    const at = number + WRAP
    this.#started = true
    this.#low = at
    this.#high = at + units
    this.received += units
    this.#epochReceived = units
    return at
  }
}
