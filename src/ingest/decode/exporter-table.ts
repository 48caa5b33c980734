import { leastUsed } from '../ledger/least-used.ts'
import type { DecodeCounters } from './counters.ts'
import type { ExporterAddress } from './exporter-address.ts'
import { ExporterState } from './exporter-state.ts'
import type { Budgets } from './options.ts'
import type { SamplingOverrides } from './sampling.ts'

/** The exporters a decoder remembers, within its budgets. */
export class ExporterTable {
  readonly #exporters = new Map<string, ExporterState>()
  readonly #budgets: Budgets
  readonly #counters: DecodeCounters
  readonly #overrides: SamplingOverrides
  readonly #onForget: (exporter: ExporterState) => void
  #templateBytes = 0

  /** `onForget` is called before an exporter is forgotten. */
  constructor(
    budgets: Budgets,
    counters: DecodeCounters,
    overrides: SamplingOverrides,
    onForget: (exporter: ExporterState) => void,
  ) {
    this.#budgets = budgets
    this.#counters = counters
    this.#overrides = overrides
    this.#onForget = onForget
  }

  /** The exporter when it is known; a datagram that may yet be refused makes none. */
  peek({ text }: ExporterAddress): ExporterState | undefined {
    return this.#exporters.get(text)
  }

  get(address: ExporterAddress): ExporterState {
    const known = this.#exporters.get(address.text)
    if (known) {
      known.used = true
      return known
    }
    if (this.#exporters.size >= this.#budgets.exporters) this.#forget()
    const exporter = new ExporterState(address, this.#budgets, this.#counters, this.#overrides.find(address))
    this.#exporters.set(address.text, exporter)
    return exporter
  }

  /** Counts what `exporter` holds by now, and forgets the exporters not heard for longest while all templates together are over their budget. */
  trim(exporter: ExporterState): void {
    this.#templateBytes += exporter.templates.sizeBytes - exporter.countedBytes
    exporter.countedBytes = exporter.templates.sizeBytes
    while (this.#templateBytes > this.#budgets.templateBytes && this.#exporters.size > 1) {
      exporter.used = true
      this.#forget()
    }
  }

  all(): Iterable<ExporterState> {
    return this.#exporters.values()
  }

  #forget(): void {
    const text = leastUsed(this.#exporters)
    const exporter = this.#exporters.get(text)!
    this.#onForget(exporter)
    this.#counters.templatesEvicted += exporter.templates.size
    this.#templateBytes -= exporter.countedBytes
    this.#exporters.delete(text)
  }
}
