import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { startIngest } from '../../../src/ingest/daemon/daemon.ts'
import type { IngestOptions } from '../../../src/ingest/daemon/ingest-options.ts'
import { SIMULATED_PROTOCOLS } from '../../../src/ingest/simulate/exporters.ts'
import { type SimulateOptions, simulate } from '../../../src/ingest/simulate/simulate.ts'
import { StorageError } from '../../../src/storage/errors.ts'
import { openManifest } from '../../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'
import { realSystem } from '../../../src/storage/system.ts'
import { sendFrom } from '../../kit/udp.ts'
import { faultyStore } from '../../storage/faulty-store.ts'
import { wrapStore } from '../../storage/wrapped-store.ts'
import { storedLedger, storedTotals } from '../flows.ts'
import { bytes, u16, u32 } from '../packets.ts'

const system = realSystem()
const folder = mkdtempSync(join(tmpdir(), 'flowreduce-daemon-'))
afterAll(() => rmSync(folder, { recursive: true }))

let places = 0
const memory = (): ObjectStore => openMemoryStore({ name: `daemon-test-${places++}`, system })
const spool = (): string => join(folder, `spool-${places++}`)

const start = (store: ObjectStore, options: Partial<IngestOptions> = {}) =>
  startIngest({ listen: ['udp://127.0.0.1:0'], store, collector: 'test', system, inline: true, ...options })

const send = (target: string, options: Partial<SimulateOptions> = {}) =>
  simulate({ target, flows: 5000, rate: 50_000, exporters: 3, system, ...options })

const manifestOf = (store: ObjectStore) => openManifest(store, { system })
const flowsIn = async (store: ObjectStore) => (await storedTotals(store, await manifestOf(store))).flows

const sendRaw = (target: string, payloads: readonly Uint8Array[], address = '127.0.0.1') =>
  sendFrom(address, target, payloads)

/** A NetFlow v5 datagram of one flow with sequence number `sequence`. */
function v5(sequence: number): Uint8Array {
  const seconds = Math.floor(Date.now() / 1000)
  const header = bytes(u16(5), u16(1), u32(10_000), u32(seconds), u32(0), u32(sequence), [0, 1], u16(0))
  return bytes(header, new Uint8Array(16), u32(3), u32(300), u32(9000), u32(9500), new Uint8Array(16))
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
  if (!condition()) expect.unreachable(`waited in vain: ${what}`)
}

describe('the ingest daemon', () => {
  for (const protocol of SIMULATED_PROTOCOLS) {
    it(`stores every flow that exporters send as ${protocol} over loopback`, async () => {
      const store = memory()
      const daemon = await start(store)
      const sent = await send(daemon.addresses[0]!, {
        flows: 20_000,
        rate: 100_000,
        protocols: [protocol],
        ports: true,
      })
      const status = await daemon.stop()
      const stored = await storedTotals(store, await manifestOf(store))
      expect(stored).toMatchObject({ flows: 20_000, packets: sent.packets, bytes: sent.bytes })
      expect([...stored.ports.values()].sort((a, b) => a.port - b.port)).toEqual(sent.ports)
      expect(status.receiver.received).toBe(sent.datagrams)
      expect(status.outbox).toMatchObject({ commits: 1, waiting: 0, shedFlows: 0 })
      expect(status.lost).toEqual({ flows: 0, datagrams: 0, records: 0 })
    })
  }

  it('commits after the roll time, and makes the end of a block wait for neither time nor end', async () => {
    const store = memory()
    const daemon = await start(store, { rollMs: 100, blockSizeBytes: 50_000 })
    await send(daemon.addresses[0]!)
    await until(() => daemon.status().outbox.commits > 0, 'a commit')
    await expect.poll(() => flowsIn(store), { timeout: 10_000 }).toBe(5000)
    expect(daemon.status().outbox.blocks).toBeGreaterThan(1)
    await daemon.stop()
    expect(await flowsIn(store)).toBe(5000)
  })

  it('receives on several sockets, IPv6 too, and keeps their exporters apart', async () => {
    const store = memory()
    const daemon = await start(store, { listen: ['udp://127.0.0.1:0', 'udp://[::1]:0'] })
    expect(daemon.addresses[1]).toMatch(/^udp:\/\/\[::1\]:\d+$/)
    await send(daemon.addresses[0]!, { flows: 500 })
    await send(daemon.addresses[1]!, { flows: 700 })
    await daemon.stop()
    expect(await flowsIn(store)).toBe(1200)
    const exporters = new Set((await storedLedger(await manifestOf(store))).map(({ exporter }) => exporter))
    expect([...exporters].sort()).toEqual(['127.0.0.2', '127.0.0.3', '127.0.0.4', '::1'])
  })

  it('takes an exporter behind a socket of both families for the IPv4 address it has', async () => {
    const store = memory()
    const daemon = await start(store, { listen: ['udp://[::]:0'] })
    await sendRaw(`udp://127.0.0.1:${new URL(daemon.addresses[0]!).port}`, [v5(0)], '127.0.0.9')
    await daemon.stop()
    const [entry] = await storedLedger(await manifestOf(store))
    expect(entry).toMatchObject({ exporter: '127.0.0.9', received: 1 })
  })

  it('hears only the exporters that are allowed, and counts the others', async () => {
    const store = memory()
    const daemon = await start(store, { allow: ['127.0.0.3', '127.0.0.64/26', '2001:db8::/32'] })
    await sendRaw(daemon.addresses[0]!, [v5(0), v5(1)], '127.0.0.3')
    await sendRaw(daemon.addresses[0]!, [v5(0)], '127.0.0.70')
    await sendRaw(daemon.addresses[0]!, [v5(0), v5(1), v5(2)], '127.0.0.63')
    const status = await daemon.stop()
    expect(status.receiver).toMatchObject({ received: 3, denied: 3 })
    expect(await flowsIn(store)).toBe(3)
  })

  it('counts malformed datagrams and loss in the ledger, also without a flow, and tells of the first at a limited rate', async () => {
    const store = memory()
    const warnings: string[] = []
    const daemon = await start(store, { onWarning: (text) => warnings.push(text) })
    const noise = [bytes(1, 2, 3, 4), new Uint8Array(0), bytes(u16(5), u16(7), new Uint8Array(20))]
    await sendRaw(daemon.addresses[0]!, noise, '127.0.0.5')
    await sendRaw(daemon.addresses[0]!, [v5(0), v5(1), v5(5)], '127.0.0.6')
    await until(() => warnings.some((text) => text.includes('refused')), 'the warning')
    const status = await daemon.stop()
    expect(status.decoded).toMatchObject({ datagrams: 6, malformedDatagrams: 3 })
    const refused = warnings.filter((text) => text.includes('refused'))
    expect(refused).toEqual([
      expect.stringMatching(/^ingest: refused 3 datagrams, the last of 127\.0\.0\.5 port \d+: count-beyond-end$/),
    ])
    const ledger = await storedLedger(await manifestOf(store))
    const sum = (exporter: string, of: 'malformed' | 'lost' | 'received'): number =>
      ledger.filter((entry) => entry.exporter === exporter).reduce((total, entry) => total + entry[of], 0)
    expect([sum('127.0.0.5', 'malformed'), sum('127.0.0.6', 'lost'), sum('127.0.0.6', 'received')]).toEqual([3, 3, 3])
  })

  it('says when the kernel gives less receive buffer than asked for, and how to raise it', async () => {
    const warnings: string[] = []
    const daemon = await start(memory(), { receiveBufferBytes: 2 ** 30, onWarning: (text) => warnings.push(text) })
    await daemon.stop()
    expect(warnings[0]).toMatch(
      /^ingest: receive buffer of udp:\/\/127\.0\.0\.1:\d+ expected 1073741824 bytes, got \d+; bursts may be lost, raise it with: sysctl -w /,
    )
  })

  it('counts what the kernel drops while the daemon does not read, in the ledger of the collector', async () => {
    if (process.platform !== 'linux') return
    const store = memory()
    const daemon = await start(store, { receiveBufferBytes: 4096 })
    const payload = v5(0)
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) =>
      socket.connect(Number(new URL(daemon.addresses[0]!).port), '127.0.0.1', resolve),
    )
    // Sent in one turn of the event loop, in which nobody reads.
    for (let i = 0; i < 2000; i++) socket.send(payload)
    await until(() => daemon.status().kernelDrops > 0, 'drops')
    socket.close()
    const status = await daemon.stop()
    expect(status.receiver.received + status.kernelDrops).toBe(2000)
    const own = (await storedLedger(await manifestOf(store))).filter(({ exporter }) => exporter === 'test')
    expect(own.reduce((sum, { dropped }) => sum + dropped, 0)).toBe(status.kernelDrops)
  })

  it('drops what comes while the log of the spool is as large as it may be, counts it, and takes more once there is room', async () => {
    const store = memory()
    const folder = spool()
    const daemon = await start(store, { spool: folder, spoolBudgetBytes: 4000, metrics: '127.0.0.1:0' })
    const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => v5(from + i))
    const send = (from: number, to: number) => sendRaw(daemon.addresses[0]!, numbers(from, to), '127.0.0.4')
    await send(0, 100)
    await until(() => daemon.status().receiverFull, 'the log to be full')
    await send(100, 105)
    await until(() => daemon.status().receiver.dropped === 5, 'the drops')
    const health = await fetch(`${daemon.metricsUrl}/healthz`)
    expect([health.status, await health.text()]).toEqual([
      503,
      'the spool holds as much as it may, datagrams are dropped\n',
    ])
    daemon.reload({ rollMs: 100 })
    await until(() => !daemon.status().receiverFull, 'room')
    await send(105, 106)
    const status = await daemon.stop()
    expect(status.receiver).toMatchObject({ received: 101, dropped: 5 })
    expect(await flowsIn(store)).toBe(101)
    const own = (await storedLedger(await manifestOf(store))).filter(({ exporter }) => exporter === 'test')
    expect(own.map(({ sourcePort, dropped }) => [sourcePort, dropped])).toEqual([[0, 5]])
  })

  it('goes on with other settings after a reload, and knows the templates it knew', async () => {
    const store = memory()
    const daemon = await start(store)
    await send(daemon.addresses[0]!, { protocols: ['ipfix'], flows: 1000 })
    await until(() => daemon.status().decoded.flows === 1000, 'flows')
    daemon.reload({ decoder: { elements: ['applicationName'] }, allow: ['127.0.0.0/8'] })
    await until(() => daemon.status().outbox.commits === 1, 'the roll')
    await sendRaw(daemon.addresses[0]!, [v5(0)], '127.0.0.4')
    expect(() => daemon.reload({ allow: ['nowhere'] })).toThrow(/^ingest: allow expected an address or a network/)
    const status = await daemon.stop()
    expect(status.decoded.flows).toBe(1001)
    const snapshot = await (await manifestOf(store)).snapshot()
    const schemas: string[] = []
    for await (const { schemaId } of snapshot.blocks('flows'))
      schemas.push(JSON.stringify(await snapshot.schema(schemaId)))
    expect(schemas.map((schema) => schema.includes('applicationName'))).toEqual([false, true])
  })

  it('goes on with the log of the daemon before it, and two never share a spool', async () => {
    const store = memory()
    const folder = spool()
    const first = await start(store, { spool: folder })
    await expect(start(store, { spool: folder })).rejects.toMatchObject({ code: 'spool' })
    await send(first.addresses[0]!, { flows: 3000 })
    await first.stop()
    const second = await start(store, { spool: folder })
    const sent = await send(second.addresses[0]!, { flows: 3000, protocols: ['v9'], seed: 4 })
    const status = await second.stop()
    expect([status.recovered, status.receiver.received]).toEqual([0, sent.datagrams])
    expect(await flowsIn(store)).toBe(6000)
  })

  it('ends with an error when nothing can be committed and there is no spool, and leaves it to the next with one', async () => {
    const inner = memory()
    let away = false
    const store = faultyStore(inner, () => (away ? 'before' : undefined))
    const plain = await start(store)
    away = true
    await sendRaw(plain.addresses[0]!, [v5(0)])
    await expect(plain.stop()).rejects.toMatchObject({ code: 'uncommitted' })
    away = false
    const folder = spool()
    const warnings: string[] = []
    const spooled = await start(store, { spool: folder, onWarning: (text) => warnings.push(text) })
    away = true
    await sendRaw(spooled.addresses[0]!, [v5(0)])
    expect((await spooled.stop()).outbox.waiting).toBe(1)
    expect(warnings.at(-1)).toMatch(/^ingest: 1 roll waits in the spool for the next start \(\d+ bytes\)$/)
    away = false
    await (await start(store, { spool: folder })).stop()
    expect(await flowsIn(inner)).toBe(1)
  })

  it('ends with an error when its store never answered and there is no spool for what it received', async () => {
    const silent = wrapStore(memory(), { before: () => new Promise<never>(() => {}) })
    const idle = await start(silent)
    expect((await idle.stop()).receiver.received).toBe(0)
    const daemon = await start(silent)
    await sendRaw(daemon.addresses[0]!, [v5(0)])
    await expect(daemon.stop()).rejects.toMatchObject({
      code: 'uncommitted',
      message: 'ingest: store expected to answer before the end, got none of 1 datagrams',
    })
  })

  it('starts without its store when the spool knows it, and receives meanwhile', async () => {
    const inner = memory()
    const folder = spool()
    const first = await start(inner, { spool: folder })
    await sendRaw(first.addresses[0]!, [v5(0)])
    await first.stop()
    let away = true
    const store = faultyStore(inner, () => (away ? 'before' : undefined))
    const second = await start(store, { spool: folder })
    expect(second.status().opened).toBe(false)
    await sendRaw(second.addresses[0]!, [v5(1), v5(2)])
    await until(() => second.status().receiver.received === 2, 'datagrams')
    away = false
    await until(() => second.status().opened, 'the store')
    await second.stop()
    expect(await flowsIn(inner)).toBe(3)
  })

  it('that never sees its store again leaves what it received to the next one', async () => {
    const inner = memory()
    const folder = spool()
    const first = await start(inner, { spool: folder })
    await sendRaw(first.addresses[0]!, [v5(0)])
    await first.stop()
    const second = await start(
      faultyStore(inner, () => 'before'),
      { spool: folder },
    )
    await sendRaw(second.addresses[0]!, [v5(1), v5(2)])
    await until(() => second.status().receiver.received === 2, 'datagrams')
    await second.stop()
    const third = await start(inner, { spool: folder })
    expect((await third.stop()).recovered).toBe(2)
    expect(await flowsIn(inner)).toBe(3)
  })

  it('does not start on a store that cannot be opened, on a taken port, or with wrong options', async () => {
    const store = memory()
    const daemon = await start(store)
    const denied = new StorageError('denied', 'store: expected access, got denied')
    const broken: ObjectStore = {
      ...store,
      url: 'memory:broken',
      read: () => Promise.reject(denied),
      list: () => fail(denied),
    }
    await expect(start(broken)).rejects.toThrow('store: expected access, got denied')
    await expect(start(store, { listen: daemon.addresses })).rejects.toThrow(
      /expected an address that can be bound, got udp:.*EADDRINUSE/,
    )
    await expect(start(store, { listen: [] })).rejects.toThrow('ingest: listen expected udp://host:port, got none')
    for (const listen of ['127.0.0.1:2055', 'udp://127.0.0.1', 'tcp://127.0.0.1:1', 'udp://127.0.0.1:1/x']) {
      await expect(start(store, { listen: [listen] })).rejects.toThrow(
        `ingest: listen expected udp://host:port, got ${listen}`,
      )
    }
    await expect(start(store, { allow: ['10.0.0.0/33'] })).rejects.toMatchObject({ code: 'bad-option' })
    await expect(start(store, { expect: ['router'] })).rejects.toThrow('ingest: expect expected an address, got router')
    await expect(start(store, { collector: 'a b' })).rejects.toThrow(
      'ingest: name expected letters, digits, dots, dashes and underscores, got a b',
    )
    await expect(start(store, { spoolMs: 0 })).rejects.toThrow('ingest: spool-delay expected more than 0 ms, got 0')
    await expect(start(store, { rollMs: 0 })).rejects.toThrow('ingest: roll expected more than 0 ms, got 0')
    await expect(start(store, { metrics: '9100' })).rejects.toThrow('ingest: metrics expected host:port, got 9100')
    await expect(start(store, { spool: join(import.meta.filename, 'spool') })).rejects.toMatchObject({ code: 'spool' })
    await daemon.stop()
  })

  it('stops once, however often it is asked to', async () => {
    const daemon = await start(memory())
    await sendRaw(daemon.addresses[0]!, [v5(0)])
    const [first, second] = await Promise.all([daemon.stop(), daemon.stop()])
    expect(first).toBe(second)
    expect(first.outbox.commits).toBe(1)
  })
})

/** A listing that fails at once. */
// biome-ignore lint/correctness/useYield: it never gets that far
async function* fail(error: Error): AsyncGenerator<never> {
  throw error
}

describe('the metrics of a daemon', () => {
  it('are served as Prometheus text beside a health check', async () => {
    const daemon = await start(memory(), { metrics: '127.0.0.1:0', expect: ['192.0.2.1'] })
    const url = daemon.metricsUrl!
    await sendRaw(daemon.addresses[0]!, [v5(0), v5(3), bytes(9, 9, 9, 9)])
    await until(() => daemon.status().decoded.datagrams === 3, 'datagrams')
    const response = await fetch(`${url}/metrics`)
    const text = await response.text()
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const socket = daemon.addresses[0]
    for (const line of [
      'flowreduce_ingest_datagrams_received_total 3',
      'flowreduce_ingest_flows_total 2',
      'flowreduce_ingest_datagrams_malformed_total{reason="unknown-version"} 1',
      'flowreduce_ingest_lost{unit="flows"} 2',
      `flowreduce_ingest_datagrams_kernel_dropped_total{socket="${socket}"} 0`,
      'flowreduce_ingest_store_opened 1',
      'flowreduce_ingest_exporter_received_total{exporter="127.0.0.1",unit="flows"} 2',
      'flowreduce_ingest_exporter_lost{exporter="127.0.0.1",unit="flows"} 2',
      'flowreduce_ingest_exporter_malformed_total{exporter="127.0.0.1",unit="datagrams"} 1',
      'flowreduce_ingest_commit_latency_seconds_count 0',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?\d+(\.\d+)?)$/)
    }
    expect(await (await fetch(`${url}/healthz`)).text()).toBe('ok\n')
    expect((await fetch(`${url}/x`)).status).toBe(404)
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405)
    await daemon.stop()
    await expect(fetch(`${url}/metrics`)).rejects.toThrow()
  })
  it('tell how long datagrams took from their arrival to their commit', async () => {
    const daemon = await start(memory(), { metrics: '127.0.0.1:0', rollMs: 300 })
    await sendRaw(daemon.addresses[0]!, [v5(0), v5(1), v5(2)])
    await until(() => daemon.status().outbox.commits === 1, 'the commit')
    const text = await (await fetch(`${daemon.metricsUrl}/metrics`)).text()
    const value = (sample: string): number =>
      Number(text.split(`\nflowreduce_ingest_commit_latency_seconds_${sample} `)[1]?.split('\n')[0])
    expect([value('count'), value('bucket{le="+Inf"}'), value('bucket{le="0.1"}')]).toEqual([3, 3, 0])
    // They waited for the roll, all three the same time.
    expect(value('sum') / 3).toBeGreaterThan(0.25)
    await daemon.stop()
  })

  it('stand beside a health check that says why nothing is stored, as long as that is so', async () => {
    const inner = memory()
    let away = false
    const store = faultyStore(inner, () => (away ? 'before' : undefined))
    const daemon = await start(store, { metrics: '127.0.0.1:0', rollMs: 50, spool: spool() })
    const health = async (): Promise<[number, string]> => {
      const response = await fetch(`${daemon.metricsUrl}/healthz`)
      return [response.status, await response.text()]
    }
    expect(await health()).toEqual([200, 'ok\n'])
    away = true
    await sendRaw(daemon.addresses[0]!, [v5(0)])
    await until(() => daemon.status().storeFailure !== undefined, 'the failure')
    const [status, text] = await health()
    expect(status).toBe(503)
    expect(text).toMatch(/^the store does not take flows: store: write expected an answer, got none for /)
    away = false
    await until(() => daemon.status().outbox.commits === 1, 'the commit')
    expect(await health()).toEqual([200, 'ok\n'])
    await daemon.stop()
  })
})
