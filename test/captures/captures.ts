import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExporterAddress } from '../../src/ingest/decode/exporter-address.ts'
import { parseExporter } from '../../src/ingest/decode/exporter-address.ts'
import { readDatagrams } from '../../src/ingest/input/read.ts'

/** The captures and their expected results; fails when they are not there. */
export const CAPTURES = findCaptures()

function findCaptures(): string {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const named = process.env.FLOWREDUCE_CAPTURES
  const places = named ? [named] : ['../shared', '../../shared'].map((up) => join(root, up, 'data/captures'))
  const found = places.find((place) => existsSync(join(place, 'index.json')))
  if (!found) throw new Error(`captures: index.json expected in ${places.join(' or ')}, got none`)
  return found
}

/** An entry of index.json. */
export interface CaptureEntry {
  readonly file: string
  readonly kind: 'udp-payload' | 'udp-stream' | 'pcap' | 'ipfix-file'
  readonly protocol: readonly string[]
  readonly packets: number
  readonly datagramLengths?: readonly number[]
}

export interface Datagram {
  readonly bytes: Uint8Array
  readonly exporter: ExporterAddress
  readonly sourcePort: number
  readonly receivedMs: number | undefined
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))

export const INDEX = readJson(join(CAPTURES, 'index.json')) as readonly CaptureEntry[]

export const readExpected = (entry: CaptureEntry): unknown => readJson(join(CAPTURES, `${entry.file}.expected.json`))

/** Stands for the exporter of a file without addresses. */
const STAND_IN = parseExporter('192.0.2.1')!

/** The UDP payloads of a capture, or the messages of an IPFIX file, in order. */
export async function datagramsOf(entry: CaptureEntry): Promise<readonly Datagram[]> {
  const path = join(CAPTURES, entry.file)
  if (entry.kind === 'pcap') return readPcap(path)
  const bytes = readFileSync(path)
  const sourcePort = entry.kind === 'ipfix-file' ? 0 : 2055
  return cut(bytes, entry).map((payload) => ({ bytes: payload, exporter: STAND_IN, sourcePort, receivedMs: undefined }))
}

async function readPcap(path: string): Promise<Datagram[]> {
  const datagrams: Datagram[] = []
  await readDatagrams(path, {
    exporter: STAND_IN,
    onDatagram: (bytes, exporter, sourcePort, receivedMs) => {
      datagrams.push({ bytes: bytes.slice(), exporter, sourcePort, receivedMs })
    },
  })
  return datagrams
}

function cut(bytes: Uint8Array, { kind, datagramLengths }: CaptureEntry): Uint8Array[] {
  if (kind === 'udp-payload') return [bytes]
  const parts: Uint8Array[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.length; ) {
    const length = kind === 'udp-stream' ? datagramLengths?.[parts.length] : view.getUint16(at + 2)
    if (!length) throw new Error(`captures: length expected at ${at}, got ${length}`)
    parts.push(bytes.subarray(at, at + length))
    at += length
  }
  return parts
}
