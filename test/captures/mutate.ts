import { createFlowBatch } from '../../src/flow/batch.ts'
import type { Decoder } from '../../src/ingest/decode/decoder.ts'
import { createDecoder } from '../../src/ingest/decode/decoder.ts'
import { elementColumns } from '../../src/ingest/decode/elements.ts'
import { exporterFromBytes } from '../../src/ingest/decode/exporter-address.ts'
import type { Budgets } from '../../src/ingest/decode/options.ts'
import { createQuarantineBatch } from '../../src/ingest/decode/sink.ts'
import { datagramsOf, INDEX } from './captures.ts'

/** Numbers in [0, 2^32) from a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}

/** Values that break parsers: counts, lengths and ids at their limits. */
const EDGES = [0, 1, 2, 3, 4, 5, 8, 9, 10, 127, 128, 254, 255, 256, 257, 1024, 0x7fff, 0x8000, 29305, 0xfffe, 0xffff]

/** A copy of a datagram with up to five faults: flipped bits, edge values, cuts, growth, pieces of others of the corpus. */
export function mutate(datagram: Uint8Array, corpus: readonly Uint8Array[], random: () => number): Uint8Array {
  const pick = (): Uint8Array => corpus[random() % corpus.length]!
  let bytes = new Uint8Array(datagram)
  for (let faults = Math.max(0, (random() % 8) - 2); faults > 0; faults--) {
    const at = bytes.length === 0 ? 0 : random() % bytes.length
    switch (random() % 8) {
      case 0:
        if (bytes.length > 0) bytes[at] = bytes[at]! ^ (1 << (random() % 8))
        break
      case 1:
        if (bytes.length > 0) bytes[at] = random() & 255
        break
      case 2:
      case 3:
        if (bytes.length >= 2) writeEdge(bytes, (random() % (bytes.length - 1)) & ~1, random)
        break
      case 4:
        bytes = bytes.slice(0, at)
        break
      case 5:
        bytes = joined(bytes, pick().subarray(0, random() % 64))
        break
      case 6:
        bytes = spliced(bytes, pick(), at, random)
        break
      case 7:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(at - (random() % (at + 1))))
        break
    }
    if (bytes.length > 65_507) bytes = bytes.slice(0, 65_507)
  }
  // Half of the IPFIX messages get the length they have by now, or hardly any fault would be reached.
  if (bytes.length >= 16 && bytes[0] === 0 && bytes[1] === 10 && random() % 2 === 0) {
    new DataView(bytes.buffer, bytes.byteOffset).setUint16(2, bytes.length)
  }
  return bytes
}

function writeEdge(bytes: Uint8Array, at: number, random: () => number): void {
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(at, EDGES[random() % EDGES.length]!)
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(a.length + b.length)
  bytes.set(a)
  bytes.set(b, a.length)
  return bytes
}

/** A piece of `other` over a piece of `bytes`. */
function spliced(bytes: Uint8Array, other: Uint8Array, at: number, random: () => number): Uint8Array<ArrayBuffer> {
  const from = other.length === 0 ? 0 : random() % other.length
  const piece = other.subarray(from, from + (random() % 200))
  return joined(joined(bytes.subarray(0, at), piece), bytes.subarray(at + piece.length))
}

/** Every datagram of every capture. */
export async function readCorpus(): Promise<Uint8Array[]> {
  const corpus: Uint8Array[] = []
  for (const entry of INDEX) for (const { bytes } of await datagramsOf(entry)) corpus.push(new Uint8Array(bytes))
  return corpus
}

const ELEMENTS = [
  'samplerId',
  'selectorId',
  'applicationName',
  'sourceMacAddress',
  'systemInitTimeMilliseconds',
].concat(['postNATSourceIPv4Address', 'ipv6ExtensionHeaders', 'basicList', 'samplingProbability', 'interfaceName'])

/** Tight, so that every budget is reached. */
const BUDGETS: Partial<Budgets> = {
  ...{ exporters: 20, sessions: 64, sessionsPerExporter: 8, templatesPerExporter: 64, templateBytes: 64 << 10 },
  ...{ parkedBytes: 1 << 20, parkedSetsPerExporter: 200, samplersPerDomain: 16, sourcesPerAgent: 8 },
}

export interface FuzzOutcome {
  readonly decoder: Decoder
  readonly rows: number
  /** Rows with a value that no column may have. */
  readonly wrong: number
}

/**
 * Feeds `count` mutated datagrams, of the captures in their order, to one decoder: mostly from four senders, so that data meet templates,
 * else from any of 40. Every 1,000 the state is saved and restored into a new decoder.
 */
export function fuzz(corpus: readonly Uint8Array[], seed: number, count: number): FuzzOutcome {
  const random = randomNumbers(seed)
  const options = { elements: ELEMENTS, budgets: BUDGETS }
  const columns = elementColumns(ELEMENTS)
  const batch = createFlowBatch(256, columns)
  const quarantined = createQuarantineBatch(16, columns)
  const quarantine = {
    batch: quarantined,
    flush: () => {
      quarantined.length = 0
    },
  }
  let rows = 0
  let wrong = 0
  const flush = (): void => {
    const { start, end, bytes, sampleSize, samplePopulation } = batch.columns
    for (let row = 0; row < batch.length; row++) {
      const safe = [start, end, bytes, sampleSize, samplePopulation].every(({ values }) =>
        Number.isSafeInteger(values[row]),
      )
      if (!safe || sampleSize.values[row]! > samplePopulation.values[row]!) wrong++
    }
    rows += batch.length
    batch.length = 0
  }
  let decoder = createDecoder(options)
  const flows = { before: 0 }
  for (let i = 0; i < count; i++) {
    const bytes = mutate(corpus[(seed + i) % corpus.length]!, corpus, random)
    const sender = random() % 8 === 0 ? random() % 40 : (i >> 8) % 4
    const exporter = exporterFromBytes(Uint8Array.of(192, 0, 2, sender), 0, 4)
    const receivedMs = random() % 4 === 0 ? undefined : 1_700_000_000_000 + i * 10
    decoder.datagram(bytes, { exporter, sourcePort: random() % 4, receivedMs }, { batch, flush, quarantine })
    if (i % 1000 === 999) {
      decoder.drainLedger()
      const next = createDecoder(options)
      next.restore(JSON.parse(JSON.stringify(decoder.state())))
      flows.before += decoder.counters().flows
      decoder = next
    }
  }
  flush()
  if (flows.before + decoder.counters().flows !== rows) wrong++
  return { decoder, rows, wrong }
}
