import { monotonicMs } from '../../flow/clock.ts'
import type { BoundAddress } from './socket-table.ts'

/** One of so many datagrams is looked at. */
const SAMPLE = 4
/** A sender is busy with so many of them in an interval, which are 12,800 datagrams/s. */
const BUSY_SAMPLES = 32
const INTERVAL_MS = 10

/** Finds senders (address and port) of many datagrams, at next to no cost for each. */
export class BusySenders {
  #datagrams = 0
  readonly #samples = new Map<string, number>()
  #beganMs = 0
  /** Of all senders in this interval. */
  #total = 0

  /** Notes a datagram; true once in an interval for a sender, when it turns out to be busy. */
  note({ address, port }: BoundAddress): boolean {
    if (++this.#datagrams % SAMPLE !== 0) return false
    const nowMs = monotonicMs()
    if (nowMs - this.#beganMs > INTERVAL_MS) {
      this.#samples.clear()
      this.#total = 0
      this.#beganMs = nowMs
    }
    const sender = `${address} ${port}`
    const samples = (this.#samples.get(sender) ?? 0) + 1
    this.#samples.set(sender, samples)
    this.#total++
    return samples === BUSY_SAMPLES
  }

  /** Asked when a sender turns out to be busy: nobody else sends more than now and then. */
  get isAlone(): boolean {
    return this.#total === BUSY_SAMPLES
  }
}
