import { leastUsed } from '../ledger/least-used.ts'
import type { DecodeCounters } from './counters.ts'
import type { ExporterAddress } from './exporter-address.ts'
import type { Budgets } from './options.ts'
import type { DomainOptions } from './options-plan.ts'
import { ExporterParking } from './parking.ts'
import { Samplers } from './samplers.ts'
import type { Sampling } from './sampling.ts'
import { TemplateCache, templateKey } from './template-cache.ts'

/** What a decoder knows of one exporter. */
export class ExporterState {
  readonly address: ExporterAddress
  readonly templates: TemplateCache
  readonly parked = new ExporterParking(({ origin, templateId }) =>
    templateKey(origin.version, origin.domain, templateId),
  )
  /** Sampling rate of the configuration. */
  readonly override: Sampling | undefined
  /** Heard since the last look for one to forget. */
  used = false
  /** Octets of templates that the table of exporters has counted. */
  countedBytes = 0
  readonly #domains = new Map<number, DomainState>()
  readonly #budgets: Budgets

  constructor(address: ExporterAddress, budgets: Budgets, counters: DecodeCounters, override: Sampling | undefined) {
    this.address = address
    this.templates = new TemplateCache(budgets, counters)
    this.override = override
    this.#budgets = budgets
  }

  /** What the options of a domain said; a new domain takes the place of the least recently heard when there are too many. */
  domain(version: number, domain: number): DomainState {
    const key = domain * 16 + version
    const known = this.#domains.get(key)
    if (known) {
      known.used = true
      return known
    }
    if (this.#domains.size >= this.#budgets.sessionsPerExporter) this.#domains.delete(leastUsed(this.#domains))
    const state = new DomainState(version, domain, this.#budgets.samplersPerDomain)
    this.#domains.set(key, state)
    return state
  }

  domains(): Iterable<DomainState> {
    return this.#domains.values()
  }
}

/** What the options of one domain said. */
export class DomainState implements DomainOptions {
  readonly version: number
  readonly domain: number
  systemInitMs: number | undefined
  readonly samplers: Samplers
  used = false

  constructor(version: number, domain: number, samplersBudget: number) {
    this.version = version
    this.domain = domain
    this.samplers = new Samplers(samplersBudget)
  }
}
