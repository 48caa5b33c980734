import type { BoundAddress } from './socket-table.ts'

/** One of so many datagrams is looked at. */
const SAMPLE = 16
/** A sender is busy with so many of them in an interval: 512 datagrams. */
const BUSY_SAMPLES = 32

/** Finds senders (address and port) of many datagrams, at next to no cost for each. */
export class BusySenders {
  #datagrams = 0
  readonly #samples = new Map<string, number>()

  /** Notes a datagram; true once in an interval for a sender, when it turns out to be busy. */
  note({ address, port }: BoundAddress): boolean {
    if (++this.#datagrams % SAMPLE !== 0) return false
    const sender = `${address} ${port}`
    const samples = (this.#samples.get(sender) ?? 0) + 1
    this.#samples.set(sender, samples)
    return samples === BUSY_SAMPLES
  }

  /** Begins the next interval. */
  forget(): void {
    this.#samples.clear()
  }
}
