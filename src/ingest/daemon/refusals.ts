import type { ExporterAddress } from '../decode/exporter-address.ts'
import type { MalformedReason } from '../decode/reasons.ts'

/** Time between two messages about refused datagrams. */
const TELL_MS = 10_000

/** Tells of datagrams that were refused as a whole, at a limited rate: whoever sends garbage cannot fill the log. */
export class Refusals {
  #count = 0
  #last: { readonly exporter: string; readonly sourcePort: number; readonly reason: MalformedReason } | undefined
  #toldMs = Number.NEGATIVE_INFINITY

  note(reason: MalformedReason, { text }: ExporterAddress, sourcePort: number): void {
    this.#count++
    this.#last = { exporter: text, sourcePort, reason }
  }

  /** What to tell now; undefined when there is nothing, or when it is too soon. */
  message(nowMs: number): string | undefined {
    if (!this.#last || nowMs - this.#toldMs < TELL_MS) return undefined
    const { exporter, sourcePort, reason } = this.#last
    const what = this.#count === 1 ? 'a datagram' : `${this.#count} datagrams, the last`
    this.#toldMs = nowMs
    this.#count = 0
    this.#last = undefined
    return `ingest: refused ${what} of ${exporter} port ${sourcePort}: ${reason}`
  }
}
