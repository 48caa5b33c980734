import type { LedgerUnit } from '../../storage/manifest/actions.ts'
import { Account } from './account.ts'
import type { EvidenceState, Numbering } from './evidence.ts'
import { Evidence } from './evidence.ts'
import { RecentDatagrams } from './recent.ts'
import type { SequenceState } from './sequence.ts'
import { Sequence } from './sequence.ts'

/** The transport session of RFC 7011: what one numbering belongs to. */
export interface SessionKey {
  readonly exporter: string
  readonly sourcePort: number
  readonly version: number
  readonly domain: number
}

/** Where one numbering placed a message: unwrapped number and epoch. */
export interface MessagePlace {
  readonly at: number
  readonly epoch: number
}

export type MessagePlaces = { readonly [N in Numbering]: MessagePlace }

/** A message in its session, kept with sets that are decoded later, so that their records are counted where they belong. */
export interface MessageTally {
  readonly session: Session
  readonly places: MessagePlaces
  units: number
}

export interface SessionCounts {
  /** Exact duplicates included. */
  datagrams: number
  duplicates: number
  /** Units of the exact duplicates. */
  repeatedUnits: number
  /** Sequence numbers in order of arrival. */
  first: number
  last: number
  /** Data sets given up: `lost` may hold records that did arrive. */
  undecoded: number
}

/** A session as plain data. */
export interface SessionState {
  readonly key: SessionKey
  readonly counts: SessionCounts
  readonly sequences: { readonly [N in Numbering]: SequenceState }
  readonly evidence: EvidenceState
}

/** What the sequence numbers of a protocol count. */
export const unitOf = (version: number): LedgerUnit =>
  version === 5 ? 'flows' : version === 10 ? 'records' : 'datagrams'

/** One session, followed under the numbering its protocol prescribes and, beside it, under those exporters are known to use instead. */
export class Session {
  readonly key: SessionKey
  /** What the protocol counts. */
  readonly unit: LedgerUnit
  readonly rule: Numbering
  readonly recent = new RecentDatagrams()
  readonly counts: SessionCounts
  readonly sequences: { readonly [N in Numbering]: Sequence }
  /** That of the protocol's numbering. */
  readonly own: Sequence
  /** What the ledger was told, in the unit of the protocol. */
  readonly account: Account
  /** The same in datagrams, once the exporter is seen to number those. */
  datagramAccount: Account | undefined
  /** Heard since the last look for a session to forget. */
  used = false
  readonly #evidence: Evidence

  /** `state` is that of an earlier life, whose ledger has been told all of it. */
  constructor(key: SessionKey, state?: SessionState) {
    this.key = key
    this.rule = key.version === 5 || key.version === 10 ? 'records' : 'packets'
    this.unit = unitOf(key.version)
    this.account = new Account(key, this.unit)
    this.counts = { datagrams: 0, duplicates: 0, repeatedUnits: 0, first: 0, last: 0, undecoded: 0, ...state?.counts }
    this.sequences = {
      records: new Sequence(state?.sequences.records),
      packets: new Sequence(state?.sequences.packets),
      'records-inclusive': new Sequence(state?.sequences['records-inclusive']),
    }
    this.own = this.sequences[this.rule]
    this.#evidence = new Evidence(state?.evidence)
  }

  /** Takes a message of `units` records. `complete`: all its sets could be decoded; only of others is a tally kept, for what is decoded later. */
  take(number: number, units: number, complete: boolean): MessageTally | undefined {
    this.#evidence.take(number, units, complete)
    this.#hear(number)
    const { records, packets, 'records-inclusive': inclusive } = this.sequences
    const recordsAt = records.take(number, units, number === 0)
    const packetsAt = packets.take(number, 1, number === 0)
    const inclusiveAt = inclusive.take((number - units) >>> 0, units, number === 0)
    if (complete) return undefined
    const places = {
      records: { at: recordsAt, epoch: records.state.restarts },
      packets: { at: packetsAt, epoch: packets.state.restarts },
      'records-inclusive': { at: inclusiveAt, epoch: inclusive.state.restarts },
    }
    return { session: this, places, units }
  }

  /** Takes an exact duplicate of a message of `units` records. */
  repeat(number: number, units: number): void {
    this.#hear(number)
    this.#evidence.skip()
    this.counts.duplicates++
    this.counts.repeatedUnits += this.rule === 'packets' ? 1 : units
  }

  /** Counts `more` records of a message whose sets waited for their template. */
  add(tally: MessageTally, more: number): void {
    tally.units += more
    for (const numbering of ['records', 'records-inclusive'] as const) {
      const { at, epoch } = tally.places[numbering]
      this.sequences[numbering].add(at, epoch, tally.units, more)
    }
  }

  get numbering(): Numbering {
    return this.#evidence.best(this.rule)
  }

  /** Units that were sent and never arrived, by the numbering in use. */
  get lost(): number {
    return Math.max(0, this.sequences[this.numbering].lost)
  }

  state(): SessionState {
    const { records, packets, 'records-inclusive': inclusive } = this.sequences
    const sequences = {
      records: { ...records.state },
      packets: { ...packets.state },
      'records-inclusive': { ...inclusive.state },
    }
    const { state } = new Evidence(this.#evidence.state)
    return { key: this.key, counts: { ...this.counts }, sequences, evidence: state }
  }

  #hear(number: number): void {
    const { counts } = this
    if (counts.datagrams === 0) counts.first = number
    counts.last = number
    counts.datagrams++
  }
}
