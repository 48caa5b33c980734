import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { createFlowBatch } from '../../../src/flow/batch.ts'
import { createDecoder } from '../../../src/ingest/decode/decoder.ts'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import { readDatagrams } from '../../../src/ingest/input/read.ts'
import { dayCurve } from '../../../src/ingest/simulate/clock.ts'
import { Random } from '../../../src/ingest/simulate/random.ts'
import { type SimulateOptions, simulate } from '../../../src/ingest/simulate/simulate.ts'
import { Zipf } from '../../../src/ingest/simulate/zipf.ts'
import { realSystem } from '../../../src/storage/system.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowreduce-simulate-'))
afterAll(() => rmSync(folder, { recursive: true }))
const system = realSystem()

let files = 0
async function toFile(options: Partial<SimulateOptions> = {}) {
  const target = join(folder, `${files++}.pcap`)
  return { target, totals: await simulate({ target, flows: 5000, system, ...options }) }
}

const hash = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

/** What a decoder finds in a file. */
async function decoded(path: string) {
  const decoder = createDecoder()
  const batch = createFlowBatch(4096)
  const sums = { flows: 0, packets: 0, bytes: 0, ipv6: 0, firstStart: Number.POSITIVE_INFINITY, lastEnd: 0 }
  const protocols = new Map<number, number>()
  const ports = new Map<number, number>()
  const sources = new Map<string, number>()
  const times: number[] = []
  const flush = (): void => {
    const { columns } = batch
    for (let row = 0; row < batch.length; row++) {
      sums.flows++
      sums.packets += columns.packets.values[row]!
      sums.bytes += columns.bytes.values[row]!
      sums.ipv6 += columns.srcAddr.family[row] === 6 ? 1 : 0
      sums.firstStart = Math.min(sums.firstStart, columns.start.values[row]!)
      sums.lastEnd = Math.max(sums.lastEnd, columns.end.values[row]!)
      protocols.set(columns.proto.values[row]!, (protocols.get(columns.proto.values[row]!) ?? 0) + 1)
      ports.set(columns.dstPort.values[row]!, (ports.get(columns.dstPort.values[row]!) ?? 0) + 1)
      const source = `${columns.srcAddr.family[row]} ${columns.srcAddr.v4[row]}`
      sources.set(source, (sources.get(source) ?? 0) + 1)
      expect(columns.start.values[row]!).toBeLessThanOrEqual(columns.end.values[row]!)
      expect(columns.end.values[row]!).toBeLessThan(columns.received.values[row]!)
    }
    batch.length = 0
  }
  await readDatagrams(path, {
    exporter: parseExporter('192.0.2.1')!,
    onDatagram: (bytes, exporter, sourcePort, receivedMs) => {
      if (times.at(-1) !== receivedMs) times.push(receivedMs!)
      expect(decoder.datagram(bytes, { exporter, sourcePort, receivedMs }, { batch, flush })).toBeUndefined()
    },
  })
  flush()
  return { sums, protocols, ports, sources, times, decoder }
}

describe('a simulation into a file', () => {
  it('sends exactly what its totals say, and every session is whole', async () => {
    const { target, totals } = await toFile({ flows: 30_000, ports: true })
    const { sums, ports, decoder } = await decoded(target)
    expect(sums).toMatchObject({ flows: 30_000, packets: totals.packets, bytes: totals.bytes })
    expect([sums.firstStart, sums.lastEnd]).toEqual([totals.firstStart, totals.lastEnd])
    expect(Object.fromEntries(totals.ports!.map(({ port, flows }) => [port, flows]))).toEqual(Object.fromEntries(ports))
    expect(decoder.counters()).toMatchObject({
      malformedDatagrams: 0,
      datagrams: totals.datagrams,
      setsWithoutTemplate: 0,
    })
    const sessions = decoder.sessions()
    expect(sessions.length).toBe(6)
    for (const session of sessions) expect(session).toMatchObject({ lost: 0, restarts: 0, duplicates: 0 })
    const exporters = totals.exporters.map(({ exporter, domain }) => `${exporter} ${domain}`)
    expect(sessions.map(({ exporter, domain }) => `${exporter} ${domain}`).sort()).toEqual(exporters.sort())
  })

  it('adds up: exporters and protocols each make the whole', async () => {
    const { totals } = await toFile()
    for (const parts of [totals.exporters, totals.protocols]) {
      for (const name of ['flows', 'packets', 'bytes', 'datagrams'] as const) {
        expect(parts.reduce((sum, part) => sum + part[name], 0)).toBe(totals[name])
      }
    }
    expect(totals.protocols.map(({ protocol }) => protocol)).toEqual(['v5', 'v9', 'ipfix'])
  })

  it('gives the same bytes for the same seed and start, and others for another', async () => {
    const [first, second, seed, start] = await Promise.all([
      toFile({ seed: 7 }),
      toFile({ seed: 7 }),
      toFile({ seed: 8 }),
      toFile({ seed: 7, startMs: 1 }),
    ])
    expect(hash(first.target)).toBe(hash(second.target))
    expect({ ...first.totals, target: '' }).toEqual({ ...second.totals, target: '' })
    expect(hash(seed.target)).not.toBe(hash(first.target))
    expect(hash(start.target)).not.toBe(hash(first.target))
  })

  it('gives these bytes for seed 1, on every machine and version', async () => {
    expect(hash((await toFile({ seed: 1 })).target)).toBe(
      'a2406b6ac352a5e66bcc252ef9fdf990fe8ae797ff1eebdc6b4f87eb55896caf',
    )
  })

  it('starts at the beginning of 2026, with packets in order of time', async () => {
    const { target } = await toFile()
    const { times } = await decoded(target)
    expect(Math.abs(times[0]! - Date.UTC(2026, 0, 1))).toBeLessThan(1000)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  it('is classic pcap of Ethernet without VLAN, with whole checksummed IPv4 headers', async () => {
    const { target } = await toFile({ flows: 100 })
    const file = readFileSync(target)
    expect([file.readUInt32LE(0), file.readUInt16LE(4), file.readUInt32LE(20)]).toEqual([0xa1b2c3d4, 2, 1])
    for (let at = 24; at < file.length; at += 16 + file.readUInt32LE(at + 8)) {
      const packet = at + 16
      expect(file.readUInt16BE(packet + 12)).toBe(0x0800)
      let sum = 0
      for (let i = 0; i < 20; i += 2) sum += file.readUInt16BE(packet + 14 + i)
      expect((sum & 0xffff) + (sum >>> 16)).toBe(0xffff)
      expect(file.readUInt16BE(packet + 16)).toBe(file.readUInt32LE(at + 8) - 14)
    }
  })

  it('looks like traffic: few ports and hosts carry most, both directions, several protocols, IPv6', async () => {
    const { target } = await toFile({ flows: 50_000 })
    const { sums, ports, protocols, sources } = await decoded(target)
    const share = (counts: Map<unknown, number>, top: number): number =>
      [...counts.values()]
        .sort((a, b) => b - a)
        .slice(0, top)
        .reduce((sum, count) => sum + count, 0) / 50_000
    expect(ports.size).toBeGreaterThan(5000)
    expect(share(ports, 10)).toBeGreaterThan(0.4)
    expect(sources.size).toBeGreaterThan(5000)
    expect(share(sources, sources.size / 10)).toBeGreaterThan(0.4)
    expect(protocols.get(6)! / 50_000).toBeGreaterThan(0.3)
    expect(protocols.get(17)! / 50_000).toBeGreaterThan(0.3)
    expect(protocols.get(1)! / 50_000).toBeGreaterThan(0.005)
    expect(sums.ipv6 / 50_000).toBeGreaterThan(0.02)
  })

  it('is busier by day than by night', async () => {
    const { target } = await toFile({ flows: 24_000, rate: 24_000 / 86_400, protocols: ['v5'], exporters: 1 })
    const { times } = await decoded(target)
    const between = (from: number, to: number): number =>
      times.filter((ms) => (ms / 3_600_000) % 24 >= from && (ms / 3_600_000) % 24 < to).length
    expect(between(10, 22) / 12).toBeGreaterThan(2 * (between(0, 6) / 6))
    expect(dayCurve(Date.UTC(2026, 0, 1, 20))).toBeGreaterThan(2 * dayCurve(Date.UTC(2026, 0, 1, 4)))
  })

  it('has exporters that sample and say so, unless told not to', async () => {
    const sampled = await decoded((await toFile({ exporters: 8 })).target)
    expect(sampled.decoder.counters().optionsRecords).toBeGreaterThan(0)
    const { target } = await toFile({ exporters: 8, sampling: 'none', protocols: ['v5'] })
    const plain = await decoded(target)
    expect(plain.decoder.sessions().length).toBe(8)
    const file = readFileSync(target)
    expect(file.readUInt16BE(24 + 16 + 42 + 22) & 0x3fff).toBe(0)
  })

  it('sends few flows and none at all as well', async () => {
    for (const flows of [0, 1, 2, 5, 20]) {
      const { target, totals } = await toFile({ flows })
      expect([totals.flows, (await decoded(target)).sums.flows]).toEqual([flows, flows])
    }
  })

  it('ends early when aborted and says what it has sent', async () => {
    const stopping = new AbortController()
    const onProgress = (): void => stopping.abort()
    const { target, totals } = await toFile({ flows: 1_000_000, signal: stopping.signal, onProgress })
    expect(totals.flows).toBeLessThan(1_000_000)
    expect((await decoded(target)).sums.flows).toBe(totals.flows)
  })
})

describe('a simulation over UDP', () => {
  it('comes from an address per exporter, at about the rate asked for', async () => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
    const senders = new Map<string, number>()
    socket.on('message', (_, { address }) => senders.set(address, (senders.get(address) ?? 0) + 1))
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    const target = `udp://127.0.0.1:${socket.address().port}`
    const began = Date.now()
    const totals = await simulate({ target, flows: 6000, rate: 10_000, exporters: 3, system })
    const seconds = (Date.now() - began) / 1000
    const received = (): number => [...senders.values()].reduce((sum, count) => sum + count, 0)
    await vi.waitUntil(() => received() >= totals.datagrams, 10_000)
    socket.close()
    expect(senders).toEqual(new Map(totals.exporters.map(({ exporter, datagrams }) => [exporter, datagrams])))
    expect(senders.size).toBe(3)
    expect(seconds).toBeGreaterThan(0.6)
    expect(totals).toMatchObject({ flows: 6000, refused: 0 })
  })

  it('goes on when nobody listens, and counts what the network refused', async () => {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    const { port } = socket.address()
    await new Promise<void>((resolve) => socket.close(resolve))
    const totals = await simulate({ target: `udp://127.0.0.1:${port}`, flows: 2000, rate: 1e6, exporters: 1, system })
    expect(totals.flows).toBe(2000)
    expect(totals.refused).toBeLessThanOrEqual(totals.datagrams)
  })

  it('reaches an IPv6 listener', async () => {
    const socket = createSocket('udp6')
    let received = 0
    socket.on('message', () => received++)
    await new Promise<void>((resolve) => socket.bind(0, '::1', resolve))
    const target = `udp://[::1]:${socket.address().port}`
    const totals = await simulate({ target, flows: 500, rate: 1e5, exporters: 2, system })
    await vi.waitUntil(() => received >= totals.datagrams, 10_000)
    socket.close()
    expect(received).toBe(totals.datagrams)
    expect(totals.exporters.map(({ exporter }) => exporter)).toEqual(['::1', '::1'])
  })
})

describe('simulation options', () => {
  const wrong: readonly [string, Partial<SimulateOptions>, string][] = [
    ['flows', { flows: -1 }, 'simulate: flows expected 0 to 9007199254740991, got -1'],
    ['flows', { flows: 1.5 }, 'simulate: flows expected 0 to 9007199254740991, got 1.5'],
    ['rate', { rate: 0 }, 'simulate: rate expected above 0, got 0'],
    ['exporters', { exporters: 0 }, 'simulate: exporters expected 1 to 4096, got 0'],
    ['protocols', { protocols: [] }, 'simulate: protocol expected v5, v9 or ipfix, got none'],
    [
      'target',
      { target: 'udp://127.0.0.1' },
      'simulate: target expected udp://host:port or a file, got udp://127.0.0.1',
    ],
    ['target', { target: 'http://x:1' }, 'simulate: target expected udp://host:port or a file, got http://x:1'],
    [
      'target',
      { target: '/nowhere/x.pcap' },
      'simulate: target expected a file that can be written, got /nowhere/x.pcap',
    ],
  ]
  for (const [name, options, message] of wrong) {
    it(`refuses ${name} ${JSON.stringify(Object.values(options)[0])}`, async () => {
      await expect(simulate({ target: join(folder, 'x'), flows: 1, system, ...options })).rejects.toThrow(message)
    })
  }
})

describe('random numbers', () => {
  it('of a Zipf law fall off with rank and reach the last one', () => {
    const random = new Random(1)
    const zipf = new Zipf(100_000)
    const counts = new Uint32Array(100_000)
    for (let i = 0; i < 400_000; i++) counts[zipf.next(random)]! += 1
    expect(counts[0]! / counts[9]!).toBeGreaterThan(7)
    expect(counts[0]! / counts[9]!).toBeLessThan(14)
    expect(counts.subarray(90_000).some((count) => count > 0)).toBe(true)
  })

  it('are uniform enough, below any limit, and differ by stream', () => {
    const random = new Random(3)
    const counts = new Uint32Array(10)
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]! += 1
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500)
    expect(new Random(3, 1).bits()).not.toBe(new Random(3, 2).bits())
  })
})
