import type { LedgerEntry, LedgerUnit } from '../../storage/manifest/actions.ts'

/** What the ledger says of one exporter since the daemon started, in what its protocol counts. */
export interface ExporterFigure {
  /** Its address, or `others`. */
  readonly exporter: string
  readonly unit: LedgerUnit
  /** In `unit`, exact duplicates apart. */
  readonly received: number
  /** In `unit`; late datagrams make it smaller. */
  readonly lost: number
  /** Datagrams that repeat another byte for byte. */
  readonly duplicates: number
  /** Data sets given up without their template. */
  readonly undecodable: number
  /** Datagrams refused as a whole. */
  readonly malformed: number
}

type Figure = { -readonly [K in keyof ExporterFigure]: ExporterFigure[K] }

/** Exporters told apart; those that come later are one, so that forged addresses cannot fill the memory of whoever scrapes them. */
export const MAX_EXPORTERS = 1024

const OTHERS = 'others'

/** Adds up ledger entries by exporter. */
export class ExporterFigures {
  readonly #maxExporters: number
  readonly #exporters = new Map<string, Map<LedgerUnit, Figure>>()

  constructor(maxExporters = MAX_EXPORTERS) {
    this.#maxExporters = maxExporters
  }

  add(entries: readonly LedgerEntry[]): void {
    for (const entry of entries) {
      const figure = this.#figure(entry)
      for (const name of COUNTS) figure[name] += entry[name]
    }
  }

  /** The figures with `more` entries added, in the order in which the exporters were first heard. */
  with(more: readonly LedgerEntry[]): ExporterFigure[] {
    const sum = new ExporterFigures(this.#maxExporters)
    for (const [exporter, units] of this.#exporters) {
      sum.#exporters.set(exporter, new Map([...units].map(([unit, figure]) => [unit, { ...figure }])))
    }
    sum.add(more)
    return [...sum.#exporters.values()].flatMap((units) => [...units.values()])
  }

  #figure({ exporter: address, unit }: LedgerEntry): Figure {
    const isKnown = this.#exporters.has(address) || this.#exporters.size < this.#maxExporters
    const exporter = isKnown ? address : OTHERS
    let units = this.#exporters.get(exporter)
    if (!units) {
      units = new Map()
      this.#exporters.set(exporter, units)
    }
    const known = units.get(unit)
    if (known) return known
    const figure = { exporter, unit, received: 0, lost: 0, duplicates: 0, undecodable: 0, malformed: 0 }
    units.set(unit, figure)
    return figure
  }
}

const COUNTS = ['received', 'lost', 'duplicates', 'undecodable', 'malformed'] as const
