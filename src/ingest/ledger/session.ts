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

/** Numberings to try beside the rule's, the one believed on equal evidence first. */
const OTHERS: readonly Numbering[] = ['records-inclusive', 'packets', 'records']

/** What the sequence numbers of a protocol count. */
export const unitOf = (version: number): LedgerUnit =>
  version === 5 ? 'flows' : version === 10 ? 'records' : 'datagrams'

/** Steps from one message to the next that must be seen, and that only another numbering explains, before it is believed. */
const EVIDENCE = 3

/** One session, followed under the numbering its protocol prescribes and, beside it, under those exporters are known to use instead. */
export class Session {
  readonly key: SessionKey
  /** What the protocol counts. */
  readonly unit: LedgerUnit
  readonly rule: Numbering
  readonly recent = new RecentDatagrams()
  /** Exact duplicates included. */
  datagrams = 0
  duplicates = 0
  /** Units of the exact duplicates. */
  repeatedUnits = 0
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
  #taken = 0
  #steps = 0
  readonly #explained = { records: 0, packets: 0, 'records-inclusive': 0 }
  readonly #ruledOut = { records: 0, packets: 0, 'records-inclusive': 0 }
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
    this.#hear(number)
    this.#taken++
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

  /** Takes an exact duplicate of a message of `units` records. */
  repeat(number: number, units: number): void {
    this.#hear(number)
    this.#unitsBefore = -1
    this.duplicates++
    this.repeatedUnits += this.rule === 'packets' ? 1 : units
  }

  #hear(number: number): void {
    if (this.datagrams === 0) this.first = number
    this.last = number
    this.datagrams++
  }

  /** Counts `more` records of a message whose sets waited for their template. */
  add(tally: MessageTally, more: number): void {
    tally.units += more
    for (const numbering of ['records', 'records-inclusive'] as const) {
      const { at, epoch } = tally.places[numbering]
      this.sequences[numbering].add(at, epoch, tally.units, more)
    }
  }

  /** Keeps, for each numbering, how many steps it explains, and how many it rules out: those that would number a unit twice. */
  #weigh(number: number, units: number, complete: boolean): void {
    const before = this.#unitsBefore
    if (this.#taken > 0 && before >= 0 && complete) {
      const step = (number - this.last) | 0
      this.#steps++
      const weigh = (numbering: Numbering, expected: number) => {
        if (step === expected) this.#explained[numbering]++
        else if (step >= 0 && step < expected) this.#ruledOut[numbering]++
      }
      weigh('records', before)
      weigh('packets', 1)
      weigh('records-inclusive', units)
    }
    this.#unitsBefore = complete ? units : -1
  }

  /** The numbering the session uses: the rule's, unless another that nothing rules out explains clearly more. */
  get numbering(): Numbering {
    let best = this.rule
    if (this.#steps < EVIDENCE) return best
    const refuted = this.#ruledOut[this.rule] > 0
    const byRule = this.#explained[this.rule]
    for (const numbering of OTHERS) {
      const explained = this.#explained[numbering]
      const enough = explained >= byRule + (refuted ? 1 : EVIDENCE)
      if (enough && this.#ruledOut[numbering] === 0 && explained > this.#explained[best]) best = numbering
    }
    return best
  }

  /** Units that were sent and never arrived, by the numbering in use. */
  get lost(): number {
    return this.sequences[this.numbering].lost
  }
}
