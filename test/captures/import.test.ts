import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flowreduce } from '../cli/captured.ts'
import { CAPTURES, type CaptureEntry, INDEX, readExpected } from './captures.ts'

/** The whole way of a user with a capture: `flowreduce import`, what it prints, and what is then in the store. */

interface Expected {
  readonly summary: { readonly [name: string]: number }
  readonly totals: { readonly [name: string]: string | number }
  readonly sequence: readonly { readonly [name: string]: string | number | undefined }[]
}

interface Imported {
  readonly files: readonly { readonly [name: string]: number }[]
  readonly ledger: readonly { readonly [name: string]: string | number }[]
  readonly commit: number
}

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowreduce-captures-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** The capture as files that can be imported: a stream of v5 or v9 payloads is cut, because nothing in it says where each ends. */
async function filesOf(entry: CaptureEntry): Promise<string[]> {
  const path = join(CAPTURES, entry.file)
  const bytes = await readFile(path)
  if (entry.kind !== 'udp-stream' || bytes[1] === 10) return [path]
  let at = 0
  const files: string[] = []
  for (const [index, length] of (entry.datagramLengths ?? []).entries()) {
    const part = join(folder, `${basename(entry.file)}.${index}`)
    await writeFile(part, bytes.subarray(at, at + length))
    files.push(part)
    at += length
  }
  return files
}

async function importCapture(entry: CaptureEntry, store: string): Promise<Imported> {
  const files = (await filesOf(entry)).map((file) => file.replaceAll(' ', '~'))
  const { code, stdout, stderr } = await flowreduce(`import ${files.join(' ')} --store ${store} --format json`)
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

/** What `run totals` prints, sums as exact as they are printed. */
async function totalsOf(store: string): Promise<{ flows: number; packets: bigint; bytes: bigint }> {
  const { code, stdout, stderr } = await flowreduce(`run totals --store ${store} --format json --int64 string --quiet`)
  if (code !== 0) throw new Error(stderr)
  const [{ flows, packets, bytes } = { flows: 0, packets: '0', bytes: '0' }] = JSON.parse(stdout).rows
  return { flows, packets: BigInt(packets), bytes: BigInt(bytes) }
}

const sum = (files: Imported['files'], name: string): number =>
  files.reduce((total, file) => total + (file[name] ?? 0), 0)

describe.each(INDEX.filter(({ protocol }) => !protocol.includes('sFlow5')))('import of $file', (entry) => {
  const expected = readExpected(entry) as Expected
  const { summary, totals } = expected

  it('prints the counts, leaves the totals in the store and keeps the losses per session', async () => {
    const store = `file:${folder}/${entry.file.replaceAll('/', '-')}`
    const { files, ledger } = await importCapture(entry, store)
    const count = (name: string): number => sum(files, name)
    expect({
      datagrams: count('datagrams'),
      malformed: count('malformedDatagrams'),
      records: count('records'),
      flows: count('flows'),
      options: count('optionsRecords'),
      templates: count('templates'),
      setsWithoutTemplate: count('setsWithoutTemplate'),
    }).toEqual({
      datagrams: summary.packets,
      malformed: summary.malformedPackets,
      records: summary.dataRecordsParked,
      flows: summary.dataRecordsParked! + Number(totals.reverseFlowsParked ?? 0),
      options: summary.optionsRecordsParked,
      templates: summary.templates,
      setsWithoutTemplate: summary.setsWithoutTemplate,
    })
    expect(await totalsOf(store)).toEqual({
      flows: summary.dataRecordsParked! + Number(totals.reverseFlowsParked ?? 0),
      packets: BigInt(totals.packetsParked!) + BigInt(totals.revPacketsParked ?? 0),
      bytes: BigInt(totals.bytesParked!) + BigInt(totals.revBytesParked ?? 0),
    })
    const session = ({ exporter, sourcePort, version, domain, lost, restarts }: Imported['ledger'][number]) =>
      `${exporter} ${sourcePort} v${version} ${domain}: lost ${lost}, restarts ${restarts}`
    const regular = expected.sequence.filter(({ unitObserved }) => unitObserved === undefined)
    expect(ledger.map(session)).toEqual(expect.arrayContaining(regular.map((row) => session(row as never))))
  })
})

describe.each(INDEX.filter(({ protocol }) => protocol.includes('sFlow5')))('import of $file', (entry) => {
  const { summary, totals } = readExpected(entry) as Expected

  it('prints the counts and leaves a flow per sampled packet in the store', async () => {
    const store = `file:${folder}/${entry.file.replaceAll('/', '-')}`
    const { files } = await importCapture(entry, store)
    expect({
      datagrams: sum(files, 'datagrams'),
      malformed: sum(files, 'malformedDatagrams'),
      records: sum(files, 'records'),
      flows: sum(files, 'flows'),
    }).toEqual({
      datagrams: summary.packets,
      malformed: summary.malformedPackets,
      records: summary.records,
      flows: summary.records,
    })
    expect(await totalsOf(store)).toEqual({
      flows: summary.records,
      packets: BigInt(totals.packets!),
      bytes: BigInt(totals.bytes!),
    })
  })
})
