import type { Ledger } from '../ledger/ledger.ts'
import type { SflowLedger } from '../ledger/sflow-ledger.ts'
import { DecodeError } from './errors.ts'
import { parseExporter } from './exporter-address.ts'
import type { DomainState, ExporterState } from './exporter-state.ts'
import type { ExporterTable } from './exporter-table.ts'
import type { MessageCount, ParkedSet, ParkingLot } from './parking.ts'
import type { DecoderState, DomainRecord, MessageRecord, ParkedRecord, TemplateRecord } from './state.ts'
import { decoderState } from './state.ts'
import type { Template } from './template.ts'
import { readTemplate } from './template-set.ts'

/** What of a decoder outlives it. */
export interface Lasting {
  readonly exporters: ExporterTable
  readonly parking: ParkingLot
  readonly ledger: Ledger
  readonly sflow: SflowLedger
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')

/** The state of a decoder as plain JSON. */
export function saveState({ exporters, parking, ledger, sflow }: Lasting): DecoderState {
  const known = [...exporters.all()]
  const messages = new Map<MessageCount, number>()
  const parked = [...parking.all()].map((set) => saveParked(set, messages))
  return {
    formatVersion: 1,
    domains: known.flatMap((exporter) => [...exporter.domains()].map((domain) => saveDomain(exporter, domain))),
    templates: known.flatMap(saveTemplates),
    sessions: ledger.states(),
    messages: [...messages.keys()].map(saveMessage),
    parked,
    agents: sflow.states(),
  }
}

function saveDomain(
  { address }: ExporterState,
  { version, domain, systemInitMs, samplers }: DomainState,
): DomainRecord {
  const { whole, byId, byInterface } = samplers
  return {
    ...{ exporter: address.text, version, domain, systemInitMs: systemInitMs ?? null },
    whole: whole ? [whole.size, whole.population] : null,
    samplers: [...byId].map(([id, { size, population }]) => [id, size, population]),
    interfaces: [...byInterface].map(([index, { size, population }]) => [index, size, population]),
  }
}

function saveTemplates({ address, templates }: ExporterState): TemplateRecord[] {
  return [...templates.all()].map(({ template: { version, type, raw }, domain, lastSeenMs }) => ({
    exporter: address.text,
    version,
    domain,
    type,
    lastSeenMs,
    definition: base64(raw),
  }))
}

function saveParked(
  { bytes, origin, templateId, message }: ParkedSet,
  messages: Map<MessageCount, number>,
): ParkedRecord {
  const at = messages.get(message) ?? messages.size
  messages.set(message, at)
  const { sequence, exportMs, sysUptime, receivedMs } = origin
  return { message: at, templateId, sequence, exportMs, sysUptime, receivedMs, records: base64(bytes) }
}

const saveMessage = ({ session, units, waiting, tally }: MessageCount): MessageRecord => ({
  session: { ...session.key },
  units,
  waiting,
  places: tally ? { ...tally.places } : null,
})

/** Gives a new decoder the state of an earlier one. Throws DecodeError when it is none; what exceeds a budget by now is left out. */
export function restoreState(value: unknown, lasting: Lasting): void {
  const parsed = decoderState.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const where = issue?.path.join('.') ?? ''
    throw new DecodeError(
      'state',
      `decode: state expected format version 1, got ${issue?.message ?? 'something else'} at ${where}`,
    )
  }
  const { domains, templates, sessions, messages, parked, agents } = parsed.data
  for (const record of templates) restoreTemplate(record, lasting.exporters)
  for (const record of domains) restoreDomain(record, lasting.exporters)
  for (const session of sessions) lasting.ledger.restore(session)
  for (const agent of agents) lasting.sflow.restore(agent)
  const counts = messages.map((record) => restoreMessage(record, lasting.ledger))
  for (const record of parked) restoreParked(record, counts, lasting)
}

function exporterOf(text: string, exporters: ExporterTable): ExporterState {
  const address = parseExporter(text)
  if (!address) throw new DecodeError('state', `decode: exporter in the state expected an address, got ${text}`)
  return exporters.get(address)
}

function restoreTemplate(
  { exporter, domain, lastSeenMs, definition, ...kind }: TemplateRecord,
  exporters: ExporterTable,
): void {
  const owner = exporterOf(exporter, exporters)
  const template = parseDefinition(Buffer.from(definition, 'base64'), kind)
  if (!template)
    throw new DecodeError(
      'state',
      `decode: template in the state of ${exporter} expected a definition, got ${definition}`,
    )
  owner.templates.define(domain, template, lastSeenMs)
  exporters.trim(owner)
}

function parseDefinition(
  bytes: Uint8Array,
  { version, type }: Pick<TemplateRecord, 'version' | 'type'>,
): Template | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return readTemplate(bytes, view, 0, { version, type, start: 0, end: bytes.length })
}

function restoreDomain({ exporter, version, domain, ...options }: DomainRecord, exporters: ExporterTable): void {
  const state = exporterOf(exporter, exporters).domain(version, domain)
  state.systemInitMs = options.systemInitMs ?? undefined
  const { samplers } = state
  if (options.whole) samplers.announce(rate(options.whole[0], options.whole[1]), undefined, undefined)
  for (const [id, size, population] of options.samplers) samplers.announce(rate(size, population), id, undefined)
  for (const [index, size, population] of options.interfaces)
    samplers.announce(rate(size, population), undefined, index)
}

const rate = (size: number, population: number) => ({ size, population })

function restoreMessage({ session: key, units, waiting, places }: MessageRecord, ledger: Ledger): MessageCount {
  const session = ledger.session(key.exporter, key.sourcePort, key.version, key.domain)
  return { session, units, waiting, tally: places ? { session, places, units } : undefined }
}

function restoreParked(record: ParkedRecord, counts: readonly MessageCount[], { exporters, parking }: Lasting): void {
  const message = counts[record.message]
  if (!message)
    throw new DecodeError(
      'state',
      `decode: message of a parked set expected one of ${counts.length}, got ${record.message}`,
    )
  const { exporter: text, sourcePort, version, domain } = message.session.key
  const exporter = exporterOf(text, exporters)
  const { sequence, exportMs, sysUptime, receivedMs, templateId } = record
  const origin = { exporter: exporter.address, sourcePort, version, domain, sequence, exportMs, sysUptime, receivedMs }
  parking.park({ exporter, templateId, bytes: Buffer.from(record.records, 'base64'), origin, message })
}
