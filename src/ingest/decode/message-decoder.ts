import { FLOW_FLAGS } from '../../flow/fields.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Session } from '../ledger/session.ts'
import { copyBytes } from './copy-bytes.ts'
import type { DecodeCounters } from './counters.ts'
import type { ExporterState } from './exporter-state.ts'
import type { SetSpan } from './message.ts'
import { FIRST_DATA_SET, isCut } from './message.ts'
import type { Budgets } from './options.ts'
import type { Origin } from './origin.ts'
import type { MessageCount, ParkedSet } from './parking.ts'
import { ParkingLot } from './parking.ts'
import type { SetContext, SetDecoder, SetRecords } from './set-decoder.ts'
import type { TemplateStatement } from './template.ts'
import type { CachedTemplate } from './template-cache.ts'
import { templateKey } from './template-cache.ts'

/** A v9 or IPFIX message whose structure is known to be right. */
export interface Message {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly sets: readonly SetSpan[]
  readonly origin: Origin
  readonly exporter: ExporterState
  /** Read from a file, not received over UDP. */
  readonly fromFile: boolean
}

/** Takes the sets of v9 and IPFIX messages in their order: templates into the cache, records to the set decoder, records without template to the parking lot. */
export class MessageDecoder {
  readonly parking: ParkingLot
  readonly #sets: SetDecoder
  readonly #counters: DecodeCounters
  readonly #ledger: Ledger

  constructor(sets: SetDecoder, counters: DecodeCounters, ledger: Ledger, budgets: Budgets) {
    this.#sets = sets
    this.#counters = counters
    this.#ledger = ledger
    this.parking = new ParkingLot(budgets, counters, (set) => this.#giveUp(set))
  }

  /** Decodes a message; `repeated` is an exact duplicate. */
  decode(message: Message, session: Session, repeated: boolean): void {
    const { origin, sets } = message
    const count: MessageCount = { session, units: 0, waiting: 0, tally: undefined }
    this.#samplingAhead(message)
    for (let i = 0; i < sets.length; i++) {
      const set = sets[i]!
      if (set.statements) for (const statement of set.statements) this.#apply(statement, message)
      else if (set.id < FIRST_DATA_SET) this.#counters.reservedSets++
      else this.#records(set, message, count)
    }
    const { sequence, receivedMs } = origin
    if (repeated) this.#ledger.duplicate(session, sequence, count.units, receivedMs)
    else count.tally = this.#ledger.message(session, sequence, count.units, count.waiting === 0, receivedMs)
  }

  /** Options records that follow data records in one message tell the sampling of those too. */
  #samplingAhead(message: Message): void {
    const { sets, bytes, view } = message
    const firstData = sets.findIndex(({ id, options }) => id >= FIRST_DATA_SET && !options)
    if (firstData < 0) return
    for (let i = firstData + 1; i < sets.length; i++) {
      const { options, start, end } = sets[i]!
      if (options) this.#sets.samplingAhead(options, { bytes, view, start, end }, this.#context(message, 0))
    }
  }

  #apply(statement: TemplateStatement, { origin, exporter, fromFile }: Message): void {
    const { version, domain, receivedMs } = origin
    switch (statement.type) {
      case 'withdraw':
        this.#counters.withdrawals++
        if (fromFile) exporter.templates.withdraw(version, domain, statement.kind, statement.id)
        break
      case 'withdrawAll':
        this.#counters.withdrawals++
        if (fromFile) exporter.templates.withdrawAll(version, domain, statement.kind)
        break
      case 'template': {
        const { template } = statement
        this.#counters.templates++
        if (template.type === 'options') this.#counters.optionsTemplates++
        const cached = exporter.templates.define(domain, template, receivedMs)
        if (cached) this.#decodeParked(cached, exporter, templateKey(version, domain, template.id))
      }
    }
  }

  #records(set: SetSpan, message: Message, count: MessageCount): void {
    const { bytes, view, origin, exporter } = message
    const { version, domain, receivedMs } = origin
    const cached = exporter.templates.find(version, domain, set.id, receivedMs)
    if (!cached) {
      this.#counters.setsWithoutTemplate++
      count.waiting++
      const copy = copyBytes(bytes, set.start, set.end)
      this.parking.park({ exporter, templateId: set.id, bytes: copy, origin, message: count })
      return
    }
    const { start, end } = set
    count.units += this.#decodeSet(cached, { bytes, view, start, end }, this.#context(message, 0), count.session)
  }

  #decodeSet(cached: CachedTemplate, set: SetRecords, context: SetContext, session: Session): number {
    if (cached.template.type === 'options') {
      const records = this.#sets.options(cached, set, context)
      this.#counters.optionsRecords += records
      if (context.flags & FLOW_FLAGS.decodedLate) this.#counters.lateOptionsRecords += records
      return records
    }
    const before = this.#counters.quarantined
    const records = this.#sets.data(cached, set, context)
    const quarantined = this.#counters.quarantined - before
    if (quarantined > 0) this.#ledger.quarantined(session, quarantined, context.origin.receivedMs)
    this.#counters.records += records
    if (context.flags & FLOW_FLAGS.decodedLate) this.#counters.lateRecords += records
    return records
  }

  /** Decodes the sets that waited for a template. One that does not fit it is given up whole. */
  #decodeParked(cached: CachedTemplate, exporter: ExporterState, key: number): void {
    for (const set of this.parking.take(exporter, key)) {
      const { bytes, origin, message } = set
      if (cached.template.variable && isCut(bytes, { id: 0, start: 0, end: bytes.length }, cached.template)) {
        this.#counters.setsGivenUp++
        this.#giveUp(set)
        continue
      }
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const context = this.#context({ origin, exporter }, FLOW_FLAGS.decodedLate)
      const records = this.#decodeSet(cached, { bytes, view, start: 0, end: bytes.length }, context, message.session)
      message.waiting--
      message.units += records
      if (message.tally) this.#ledger.late(message.tally, records, origin.receivedMs)
    }
  }

  #giveUp({ message, origin }: ParkedSet): void {
    this.#ledger.undecodable(message.session, 1, origin.receivedMs)
  }

  #context({ origin, exporter }: Pick<Message, 'origin' | 'exporter'>, flags: number): SetContext {
    return { origin, exporter, domain: exporter.domain(origin.version, origin.domain), flags }
  }
}
