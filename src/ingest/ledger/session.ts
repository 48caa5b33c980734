import type { LedgerUnit } from '../../storage/manifest/actions.ts'
import { Account } from './account.ts'
import { RecentDatagrams } from './recent.ts'
import { Sequence } from './sequence.ts'

/** How a session numbers its messages: by the records or the datagrams sent before, or by the records including those of the message. */
export type Numbering = 'records' | 'packets' | 'records-inclusive'

/** The transport session of RFC 7011: what one numbering belongs to. */
export interface SessionKey {
  readonly exporter: string
  readonly sourcePort: number
  readonly version: number
  readonly domain: number
}

/** A message in its session, kept with sets that are decoded later, so that their records are counted where they belong. */
export interface MessageTally {
  readonly session: Session
  /** Where each numbering placed it: unwrapped number and epoch. */
  readonly places: { readonly [N in Numbering]: { readonly at: number; readonly epoch: number } }
  units: number
}

const NUMBERINGS: readonly Numbering[] = ['records', 'packets', 'records-inclusive']

/** What the sequence numbers of a protocol count. */
export const unitOf = (version: number): LedgerUnit =>
  version === 5 ? 'flows' : version === 10 ? 'records' : 'datagrams'

/** Steps from one message to the next that only another numbering explains, before it is believed. */
const EVIDENCE = 3

/** One session, followed under the numbering its protocol prescribes and, beside it, under those exporters are known to use instead. */
export class Session {
  readonly key: SessionKey
  /** What the protocol counts. */
  readonly unit: LedgerUnit
  readonly rule: Numbering
  readonly recent = new RecentDatagrams()
  datagrams = 0
  duplicates = 0
  first = 0
  last = 0
  /** Data sets given up: `lost` may hold records that did arrive. */
  undecoded = 0
  /** What the ledger was told, in the unit of the protocol. */
  readonly account: Account
  /** The same in datagrams, once the exporter is seen to number those. */
  datagramAccount: Account | undefined
  /** Heard since the last look for a session to forget. */
  used = false
  readonly sequences = { records: new Sequence(), packets: new Sequence(), 'records-inclusive': new Sequence() }
  #steps = 0
  readonly #explained = { records: 0, packets: 0, 'records-inclusive': 0 }
  /** Records of the message before; -1 while some of it waits for a template. */
  #unitsBefore = -1

  constructor(key: SessionKey) {
    this.key = key
    this.rule = key.version === 5 || key.version === 10 ? 'records' : 'packets'
    this.unit = unitOf(key.version)
    this.account = new Account(key, this.unit)
  }

  /** Takes a message of `units` records; `complete` says that all its sets could be decoded. */
  take(number: number, units: number, complete: boolean): MessageTally {
    this.#weigh(number, units, complete)
    if (this.datagrams === 0) this.first = number
    this.last = number
    this.datagrams++
    const place = (numbering: Numbering, start: number, counted: number) => {
      const sequence = this.sequences[numbering]
      const at = sequence.take(start, counted, number === 0)
      return { at, epoch: sequence.restarts }
    }
    const places = {
      records: place('records', number, units),
      packets: place('packets', number, 1),
      'records-inclusive': place('records-inclusive', (number - units) >>> 0, units),
    }
    return { session: this, places, units }
  }

  /** Counts `more` records of a message whose sets waited for their template. */
  add(tally: MessageTally, more: number): void {
    tally.units += more
    for (const numbering of ['records', 'records-inclusive'] as const) {
      const { at, epoch } = tally.places[numbering]
      this.sequences[numbering].add(at, epoch, tally.units, more)
    }
  }

  /** Keeps, for each numbering, how many steps it explains. */
  #weigh(number: number, units: number, complete: boolean): void {
    if (this.datagrams > 0 && this.#unitsBefore >= 0 && complete) {
      const step = (number - this.last) | 0
      this.#steps++
      if (step === this.#unitsBefore) this.#explained.records++
      if (step === 1) this.#explained.packets++
      if (step === units) this.#explained['records-inclusive']++
    }
    this.#unitsBefore = complete ? units : -1
  }

  /** The numbering the session uses: the rule's, unless another explains nearly every step and clearly more of them. */
  get numbering(): Numbering {
    const byRule = this.#explained[this.rule]
    let best = this.rule
    for (const numbering of NUMBERINGS) {
      const explained = this.#explained[numbering]
      if (explained < byRule + EVIDENCE || explained < 0.9 * this.#steps) continue
      if (explained > this.#explained[best]) best = numbering
    }
    return best
  }

  /** Units that were sent and never arrived, by the numbering in use. */
  get lost(): number {
    return this.sequences[this.numbering].lost
  }
}
