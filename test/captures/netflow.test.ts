import { describe, expect, it } from 'vitest'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { createFlowBatch } from '../../src/flow/batch.ts'
import { FLOW_FLAGS } from '../../src/flow/fields.ts'
import type { Value } from '../../src/flow/value.ts'
import { valueAt } from '../../src/flow/value.ts'
import type { Decoder } from '../../src/ingest/decode/decoder.ts'
import { createDecoder } from '../../src/ingest/decode/decoder.ts'
import { elementColumns } from '../../src/ingest/decode/elements.ts'
import { FILE_BUDGETS } from '../../src/ingest/decode/options.ts'
import type { SessionSummary } from '../../src/ingest/ledger/ledger.ts'
import type { CaptureEntry } from './captures.ts'
import { datagramsOf, INDEX, readExpected } from './captures.ts'

/** The parts of an expected result that a decoder must reproduce. */
interface Expected {
  readonly summary: { readonly [name: string]: number }
  readonly records: readonly ExpectedRecord[]
  readonly lateRecords?: readonly ExpectedRecord[]
  readonly totals: { readonly [name: string]: string }
  readonly optionsSampling?: readonly OptionsSampling[]
  readonly sequence: readonly ExpectedSession[]
  readonly malformed?: readonly { readonly packet: number }[]
}

interface OptionsSampling {
  readonly exporter: string
  readonly domain: number
  readonly samplerId: number | null
  readonly interval: number
  readonly source: string
}

type ExpectedRecord = { readonly [field: string]: string | number | null }

interface ExpectedSession {
  readonly [name: string]: string | number | boolean | undefined
  readonly unitObserved?: string
}

/** A decoded row, with the datagram it came out of. */
type Row = { readonly packet: number; readonly flags: number; readonly [field: string]: Value }

interface Outcome {
  readonly decoder: Decoder
  readonly rows: readonly Row[]
  readonly refused: readonly number[]
  readonly headers: readonly { readonly version: number; readonly sequence: number }[]
}

const ELEMENTS = ['samplerId', 'selectorId']

async function decode(entry: CaptureEntry): Promise<Outcome> {
  const decoder = createDecoder({ elements: ELEMENTS, budgets: FILE_BUDGETS })
  const rows: Row[] = []
  const refused: number[] = []
  const headers: { version: number; sequence: number }[] = []
  let packet = 0
  const batch = createFlowBatch(64, elementColumns(ELEMENTS))
  const sink = { batch, flush: () => drain(batch, packet, rows) }
  for (const { bytes, ...meta } of await datagramsOf(entry)) {
    if (decoder.datagram(bytes, meta, sink)) refused.push(packet)
    sink.flush()
    const version = (bytes[0]! << 8) | bytes[1]!
    const at = version === 5 ? 16 : version === 9 ? 12 : 8
    headers.push({ version, sequence: Buffer.from(bytes).readUInt32BE(at) })
    packet++
  }
  decoder.abandonParked()
  return { decoder, rows, refused, headers }
}

function drain(batch: FlowBatch, packet: number, rows: Row[]): void {
  for (let row = 0; row < batch.length; row++) {
    const values: { [name: string]: Value } = {}
    for (const [name, column] of Object.entries(batch.columns)) values[name] = valueAt(column, row)
    rows.push({ ...values, packet, flags: batch.columns.flags.values[row]! })
  }
  batch.length = 0
}

const has = (row: Row, flag: keyof typeof FLOW_FLAGS): boolean => (row.flags & FLOW_FLAGS[flag]) !== 0

/** Checks a time: within the millisecond it was rounded down to, or flagged when the record has none. */
function checkTime(row: Row, name: 'start' | 'end', expected: ExpectedRecord[string] | undefined): void {
  if (typeof expected !== 'number') {
    expect(has(row, 'timesUnknown') || has(row, 'oneTimeCopied'), `${name} flagged`).toBe(true)
    return
  }
  const stored = typeof row[name] === 'number' ? row[name] : Date.parse(String(row[name]))
  expect(expected - stored, name).toBeGreaterThanOrEqual(0)
  expect(expected - stored, name).toBeLessThan(1.002)
}

const SAME_NAME = ['srcPort', 'dstPort', 'proto', 'tcpFlags', 'tos', 'bytes', 'packets', 'inputIf', 'outputIf'].concat([
  'srcAs',
  'dstAs',
  'srcMask',
  'dstMask',
  'vlan',
  'domain',
])
const ADDRESSES = ['exporter', 'srcAddr', 'dstAddr', 'nextHop']

/** Compares every field of an expected record with its row; a field the record lacks must have its absent value. */
function checkRecord(row: Row, expected: ExpectedRecord, label: string): void {
  const got: { [field: string]: Value | undefined } = {}
  const want: { [field: string]: Value | undefined } = {}
  const compare = (field: string, value: Value | undefined, wanted: Value | undefined): void => {
    got[field] = value
    want[field] = wanted
  }
  for (const field of SAME_NAME) compare(field, row[field], expected[field] ?? 0)
  for (const field of ADDRESSES) compare(field, row[field], expected[field] ?? null)
  compare('direction', row.direction, expected.direction ?? 255)
  const sampler = row.samplerId ?? row.selectorId ?? undefined
  compare('samplerId', sampler === undefined ? undefined : Number(sampler), expected.samplerId ?? undefined)
  if (Number(expected.samplingInterval ?? 0) > 0) {
    const interval = Number(row.samplePopulation) / Number(row.sampleSize)
    compare('samplingInterval', interval, expected.samplingInterval)
  }
  expect(got, label).toEqual(want)
  checkTime(row, 'start', expected.startMs)
  checkTime(row, 'end', expected.endMs)
}

/** Compares the reverse half that follows a record, when a reverse counter is above 0. */
function checkReverse(row: Row | undefined, expected: ExpectedRecord, label: string): void {
  if (!(Number(expected.revBytes ?? 0) > 0 || Number(expected.revPackets ?? 0) > 0)) {
    expect(row !== undefined && has(row, 'reverse'), `${label} has no reverse half`).toBe(false)
    return
  }
  expect(row && has(row, 'reverse'), `${label} has a reverse half`).toBe(true)
  expect(row).toMatchObject({
    srcAddr: expected.dstAddr ?? null,
    dstAddr: expected.srcAddr ?? null,
    srcPort: expected.dstPort ?? 0,
    dstPort: expected.srcPort ?? 0,
    bytes: expected.revBytes ?? 0,
    packets: expected.revPackets ?? 0,
    tcpFlags: expected.revTcpFlags ?? 0,
  })
}

/** Compares the expected records with the forward rows, each followed by its reverse half. */
function checkRecords(
  rows: readonly Row[],
  expected: readonly ExpectedRecord[],
  { headers }: Outcome,
  label: string,
): void {
  const forward = rows.flatMap((row, at) => (has(row, 'reverse') ? [] : [at]))
  expect(forward.length, `${label} count`).toBeGreaterThanOrEqual(expected.length)
  for (const [i, record] of expected.entries()) {
    const at = forward[i]!
    const row = rows[at]!
    checkRecord(row, record, `${label} ${i}`)
    checkReverse(rows[at + 1], record, `${label} ${i}`)
    if (has(row, 'decodedLate')) continue
    const { version, sequence } = headers[row.packet]!
    expect({ packet: row.packet, version, sequence }).toEqual({
      packet: record.packet,
      version: record.version,
      sequence: record.sequence,
    })
  }
}

const sum = (rows: readonly Row[], field: 'bytes' | 'packets'): string =>
  String(rows.reduce((total, row) => total + BigInt(Number(row[field])), 0n))

function totals(rows: readonly Row[]): { [name: string]: string } {
  const reverse = rows.filter((row) => has(row, 'reverse'))
  const forward = rows.filter((row) => !has(row, 'reverse'))
  const streamed = forward.filter((row) => !has(row, 'decodedLate'))
  return {
    bytes: sum(streamed, 'bytes'),
    packets: sum(streamed, 'packets'),
    bytesParked: sum(forward, 'bytes'),
    packetsParked: sum(forward, 'packets'),
    reverseFlowsParked: String(reverse.length),
    revBytesParked: sum(reverse, 'bytes'),
    revPacketsParked: sum(reverse, 'packets'),
  }
}

function summary(decoder: Decoder): { [name: string]: number } {
  const counters = decoder.counters()
  return {
    packets: counters.datagrams,
    malformedPackets: counters.malformedDatagrams,
    dataRecords: counters.records - counters.lateRecords,
    dataRecordsParked: counters.records,
    optionsRecords: counters.optionsRecords - counters.lateOptionsRecords,
    optionsRecordsParked: counters.optionsRecords,
    templates: counters.templates,
    optionsTemplates: counters.optionsTemplates,
    withdrawals: counters.withdrawals,
    setsWithoutTemplate: counters.setsWithoutTemplate,
    setsNeverResolved: counters.setsGivenUp,
    reservedSets: counters.reservedSets,
  }
}

function expectedSession({ unitObserved, ...session }: ExpectedSession): { [name: string]: unknown } {
  return { uncertain: false, ...session, numbering: unitObserved }
}

function session({ unit, datagrams, numbering, ...rest }: SessionSummary): { [name: string]: unknown } {
  const { exporter, sourcePort, version, domain, first, last, lost, restarts, outOfOrder, uncertain } = rest
  const sequence = { first, last, lost, restarts, outOfOrder, uncertain }
  const name = unit === 'datagrams' ? 'packets' : unit
  return { exporter, sourcePort, version, domain, unit: name, packets: datagrams, ...sequence, numbering }
}

const byKey = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

describe.each(
  INDEX.filter(({ protocol }) => !protocol.includes('sFlow5')).map((entry) => [entry.file, entry] as const),
)('%s', (_file, entry) => {
  const expected = readExpected(entry) as Expected
  const decoded = decode(entry)

  it('has the expected counts', async () => {
    const { decoder, refused } = await decoded
    expect(summary(decoder)).toEqual(expected.summary)
    expect(refused).toEqual((expected.malformed ?? []).map(({ packet }) => packet))
  })

  it('has the expected totals', async () => {
    expect(totals((await decoded).rows)).toEqual({
      ...{ reverseFlowsParked: '0', revBytesParked: '0', revPacketsParked: '0' },
      ...Object.fromEntries(Object.entries(expected.totals).map(([name, total]) => [name, String(total)])),
    })
  })

  it('has the expected records', async () => {
    const outcome = await decoded
    const late = outcome.rows.filter((row) => has(row, 'decodedLate'))
    const streamed = outcome.rows.filter((row) => !has(row, 'decodedLate'))
    checkRecords(streamed, expected.records, outcome, 'record')
    checkRecords(late, expected.lateRecords ?? [], outcome, 'late record')
  })

  it('has the expected sampling of options', async () => {
    const wanted = new Map<string, number>()
    for (const { exporter, domain, samplerId, interval, source } of expected.optionsSampling ?? []) {
      if (source === 'options' && interval > 0) wanted.set(`${exporter} ${domain} ${samplerId}`, interval)
    }
    expect(announced((await decoded).decoder)).toEqual(wanted)
  })

  it('has the expected sequence of every session', async () => {
    const { decoder, rows } = await decoded
    const got = decoder.sessions().map(session).sort(byKey)
    const want = expected.sequence.map(expectedSession).map(sortKeys(got[0])).sort(byKey)
    expect(got.map(withoutOrder)).toEqual(want.map(withoutOrder))
    // The expected `outOfOrder` knows the records of parked sets when the next datagram arrives; a decoder learns of them later.
    const late = new Set(
      rows.filter((row) => has(row, 'decodedLate')).map(({ exporter, domain }) => `${exporter} ${domain}`),
    )
    const onTime = ({ exporter, domain }: { [name: string]: unknown }) => !late.has(`${exporter} ${domain}`)
    expect(got.filter(onTime)).toEqual(want.filter(onTime))
  })
})

/** What the options of every domain say of sampling by now, as exporter, domain and sampler to interval. */
function announced(decoder: Decoder): Map<string, number> {
  const intervals = new Map<string, number>()
  for (const { exporter, domain, whole, samplers } of decoder.state().domains) {
    if (whole) intervals.set(`${exporter} ${domain} null`, whole[1] / whole[0])
    for (const [id, size, population] of samplers) intervals.set(`${exporter} ${domain} ${id}`, population / size)
  }
  return intervals
}

const withoutOrder = ({ outOfOrder: _, ...rest }: { [name: string]: unknown }) => rest

/** Gives an object the key order of `like`, so that both sort alike. */
const sortKeys =
  (like: object = {}) =>
  (object: { [name: string]: unknown }): { [name: string]: unknown } =>
    Object.fromEntries(Object.keys(like).map((name) => [name, object[name]]))
