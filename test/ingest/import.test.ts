import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ImportOptions, importFiles } from '../../src/ingest/import.ts'
import { simulate } from '../../src/ingest/simulate/simulate.ts'
import type { SimulationTotals } from '../../src/ingest/simulate/totals.ts'
import { StorageError } from '../../src/storage/errors.ts'
import { openFileStore } from '../../src/storage/file-store.ts'
import { type Manifest, openManifest } from '../../src/storage/manifest/manifest.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import type { GrowingObject, ObjectStore } from '../../src/storage/store.ts'
import { realSystem } from '../../src/storage/system.ts'
import { eachBatch, storedLedger, storedTotals } from './flows.ts'
import { bytes, ethernet, ipv4, pcap, u16, u32, udp } from './packets.ts'

const system = realSystem()
const folder = mkdtempSync(join(tmpdir(), 'flowreduce-import-'))
afterAll(() => rmSync(folder, { recursive: true }))

let stores = 0
async function freshStore(): Promise<{ store: ObjectStore; manifest: Manifest }> {
  const store = openMemoryStore({ name: `import-test-${stores++}`, system })
  return { store, manifest: await openManifest(store, { system, create: true }) }
}

async function fileStore(): Promise<{ store: ObjectStore; manifest: Manifest }> {
  const store = openFileStore({ folder: join(folder, `store-${stores++}`), system })
  return { store, manifest: await openManifest(store, { system, create: true }) }
}

const capture = join(folder, 'all.pcap')
let sent: SimulationTotals
beforeAll(async () => {
  sent = await simulate({ target: capture, flows: 20_000, ports: true, system })
})

const run = (place: { store: ObjectStore; manifest: Manifest }, options: Partial<ImportOptions> = {}) =>
  importFiles({ files: [capture], ...place, system, ...options })

async function keys(store: ObjectStore, prefix: string): Promise<string[]> {
  const found: string[] = []
  for await (const { key } of store.list(prefix)) found.push(key)
  return found
}

/** A capture of one v5 datagram with one flow of `octets` octets. */
function v5Capture(name: string, octets = 100): string {
  const header = bytes(u16(5), u16(1), u32(10_000), u32(1_700_000_000), u32(0), u32(7), [0, 1], u16(0))
  const record = bytes(new Uint8Array(16), u32(3), u32(octets), u32(9000), u32(9500), new Uint8Array(16))
  const packet = ethernet(ipv4(udp(bytes(header, record))))
  const path = join(folder, name)
  writeFileSync(path, pcap([{ seconds: 1_700_000_000, fraction: 0, packet }]))
  return path
}

describe('an import', () => {
  it('stores every flow of a capture, in one commit', async () => {
    const place = await freshStore()
    const before = (await place.manifest.snapshot()).version
    const summary = await run(place)
    const stored = await storedTotals(place.store, place.manifest)
    expect(stored).toMatchObject({ flows: 20_000, packets: sent.packets, bytes: sent.bytes })
    expect([...stored.ports.values()].sort((a, b) => a.port - b.port)).toEqual(sent.ports)
    expect(summary.commit).toBe(before + 1)
    expect(summary.blocks).toBe(1)
    expect(summary.files).toMatchObject([
      { file: capture, kind: 'pcap', datagrams: sent.datagrams, records: 20_000, flows: 20_000, malformedDatagrams: 0 },
    ])
    expect(summary.files[0]!.templates).toBeGreaterThan(0)
    expect(summary.files[0]!.optionsRecords).toBeGreaterThan(0)
    expect(summary.warnings).toEqual([])
  })

  it('prints the ledger of each session and keeps it in the manifest', async () => {
    const place = await freshStore()
    const { ledger } = await run(place)
    expect(ledger.length).toBe(6)
    const units = { 5: 'flows', 9: 'datagrams', 10: 'records' } as const
    for (const { version, unit, lost, restarts } of ledger) {
      expect([unit, lost, restarts]).toEqual([units[version as 5 | 9 | 10], 0, 0])
    }
    const stored = await storedLedger(place.manifest)
    for (const { exporter, version, received } of ledger) {
      const sum = stored.filter((entry) => entry.exporter === exporter && entry.version === version)
      expect(sum.reduce((total, entry) => total + entry.received, 0)).toBe(received)
    }
  })

  it('cuts blocks by size', async () => {
    const place = await freshStore()
    const { blocks } = await run(place, { blockSizeBytes: 100_000 })
    expect(blocks).toBeGreaterThan(3)
    expect((await storedTotals(place.store, place.manifest)).flows).toBe(20_000)
  })

  it('makes the same blocks where they grow in the store and where they are stored whole', async () => {
    const options = { blockSizeBytes: 300_000 }
    const whole = await freshStore()
    await run(whole, options)
    const growing = await fileStore()
    await run(growing, options)
    const contents = async ({ store }: { store: ObjectStore }): Promise<string[]> => {
      const found = await Promise.all((await keys(store, 'data/')).map((key) => store.read(key)))
      return found.map((bytes) => Buffer.from(bytes).toString('base64')).sort()
    }
    const [first, second] = [await contents(whole), await contents(growing)]
    expect(first.length).toBeGreaterThan(1)
    expect(second).toEqual(first)
    expect((await storedTotals(growing.store, growing.manifest)).flows).toBe(20_000)
  })

  it('leaves neither blocks nor parts of them where they grow, when a file is cut or the store fails', async () => {
    const place = await fileStore()
    const cut = join(folder, 'cut-late.pcap')
    writeFileSync(cut, readFileSync(capture).subarray(0, 500_001))
    await expect(run(place, { files: [cut], blockSizeBytes: 300_000, workers: 0 })).rejects.toMatchObject({
      code: 'truncated',
    })
    const denied = new StorageError('denied', 'store: expected to be writable, got denied')
    for (const fails of ['append', 'finish'] as const) {
      const grow = async (key: string): Promise<GrowingObject> => {
        const growing = await place.store.grow!(key)
        const { append, finish, abandon } = growing
        return { append, finish, abandon, [fails]: () => Promise.reject(denied) }
      }
      const store: ObjectStore = { ...bound(place.store), url: place.store.url, grow }
      await expect(run({ ...place, store }, { blockSizeBytes: 300_000 })).rejects.toBe(denied)
    }
    expect(await keys(place.store, 'data/')).toEqual([])
    expect(readdirSync(join(place.store.url.slice('file:'.length), '.tmp'))).toEqual([])
  })

  it('of a file imported before is refused by its content, under any name, and forced by again', async () => {
    const place = await freshStore()
    await run(place)
    const copy = join(folder, 'copy.dat')
    writeFileSync(copy, readFileSync(capture))
    const refused = run(place, { files: [copy] })
    await expect(refused).rejects.toMatchObject({ code: 'already-imported' })
    await expect(refused).rejects.toThrow(
      `import: ${copy} expected a file not imported yet, got one that was imported before; --again imports it once more`,
    )
    expect((await storedTotals(place.store, place.manifest)).flows).toBe(20_000)
    for (const flows of [40_000, 60_000]) {
      await run(place, { again: true })
      expect((await storedTotals(place.store, place.manifest)).flows).toBe(flows)
    }
  })

  it('of the same file twice in one command is refused, and forced by again', async () => {
    const place = await freshStore()
    await expect(run(place, { files: [capture, capture] })).rejects.toMatchObject({ code: 'already-imported' })
    await run(place, { files: [capture, capture], again: true })
    expect((await storedTotals(place.store, place.manifest)).flows).toBe(40_000)
    await expect(run(place)).rejects.toMatchObject({ code: 'already-imported' })
  })

  it('that another command overtakes is refused, and nothing of it is visible', async () => {
    const place = await freshStore()
    const slow = run({
      store: place.store,
      manifest: {
        ...bound(place.manifest),
        commit: async (options) => {
          await run(place)
          return place.manifest.commit(options)
        },
      },
    })
    await expect(slow).rejects.toMatchObject({ code: 'already-imported' })
    expect((await storedTotals(place.store, place.manifest)).flows).toBe(20_000)
    expect(await keys(place.store, 'data/')).toHaveLength(1)
  })

  it('of several files is all or nothing, and leaves no block behind', async () => {
    const place = await freshStore()
    const cut = join(folder, 'cut.pcap')
    writeFileSync(cut, readFileSync(capture).subarray(0, 100_001))
    const text = join(folder, 'notes.txt')
    writeFileSync(text, 'dear diary\n')
    const empty = join(folder, 'empty.pcap')
    writeFileSync(empty, '')
    const { version } = await place.manifest.snapshot()
    for (const [file, code] of [
      [cut, 'truncated'],
      [text, 'unrecognised'],
      [empty, 'empty'],
      [join(folder, 'none'), 'unreadable'],
    ] as const) {
      const failed = run(place, { files: [capture, file], blockSizeBytes: 100_000 })
      await expect(failed).rejects.toMatchObject({ code })
      await expect(failed).rejects.toThrow(file)
      expect((await place.manifest.snapshot()).version).toBe(version)
      expect(await keys(place.store, 'data/')).toEqual([])
    }
  })

  it('of a file that somebody writes to meanwhile is refused, and leaves nothing behind', async () => {
    const place = await freshStore()
    const written = join(folder, 'written.pcap')
    writeFileSync(written, readFileSync(capture))
    const { version } = await place.manifest.snapshot()
    const onProgress = (): void => {
      writeFileSync(written, readFileSync(capture))
      // However coarse the clock of the file system is.
      utimesSync(written, 1, 1)
    }
    const failed = run(place, { files: [written], blockSizeBytes: 100_000, onProgress })
    await expect(failed).rejects.toMatchObject({ code: 'changed' })
    await expect(failed).rejects.toThrow(`import: ${written} expected to stay as it is while it is read`)
    expect((await place.manifest.snapshot()).version).toBe(version)
    expect(await keys(place.store, 'data/')).toEqual([])
  })

  it('into a store that cannot be written fails with the error of the store', async () => {
    const place = await freshStore()
    const denied = new StorageError('denied', 'store: memory: expected to be writable, got denied')
    const store: ObjectStore = { ...bound(place.store), url: place.store.url, write: () => Promise.reject(denied) }
    await expect(run({ ...place, store })).rejects.toBe(denied)
  })

  it('takes the templates of an earlier file for a later one', async () => {
    const place = await freshStore()
    const half = readFileSync(capture)
    let at = 24
    while (at < half.length / 2) at += 16 + half.readUInt32LE(at + 8)
    const [first, second] = [join(folder, 'first.pcap'), join(folder, 'second.pcap')]
    writeFileSync(first, half.subarray(0, at))
    writeFileSync(second, Buffer.concat([half.subarray(0, 24), half.subarray(at)]))
    const { files, ledger } = await run(place, { files: [first, second] })
    expect(files.map(({ flows }) => flows).reduce((sum, flows) => sum + flows, 0)).toBe(20_000)
    expect(files[1]!.setsWithoutTemplate).toBe(0)
    for (const { lost } of ledger) expect(lost).toBe(0)
  })

  it('counts malformed datagrams and files without flows as warnings, not errors', async () => {
    const place = await freshStore()
    const noise = join(folder, 'noise.pcap')
    const packets = [
      udp(bytes(1, 2, 3)),
      udp(bytes(u16(5), u16(9), new Uint8Array(20))),
      udp(bytes(u16(7), new Uint8Array(40))),
    ]
    const frames = [...packets.map((packet) => ethernet(ipv4(packet))), ethernet(bytes(1, 2), 0x0806)]
    writeFileSync(noise, pcap(frames.map((packet) => ({ seconds: 1, fraction: 0, packet }))))
    const { files, warnings, blocks, commit } = await run(place, { files: [noise] })
    expect(files).toMatchObject([{ datagrams: 3, records: 0, flows: 0, malformedDatagrams: 3 }])
    expect(warnings).toEqual([
      `import: ${noise}: 3 of 3 datagrams malformed (2 unknown-version, 1 count-beyond-end)`,
      `import: ${noise}: no flows in 3 datagrams`,
      `import: ${noise}: 1 packets are not UDP`,
    ])
    expect([blocks, commit]).toEqual([0, 2])
  })

  it('gives flows the time of their packet as arrival, and their exporter', async () => {
    const place = await freshStore()
    await run(place, { files: [v5Capture('one.pcap')] })
    let seen = 0
    await eachBatch(place.store, place.manifest, 'flows', ({ length, columns }) => {
      seen += length
      expect(columns.received.values[0]).toBe(1_700_000_000_000)
      expect(columns.start.values[0]).toBe(1_700_000_000_000 - 1000)
      expect(columns.exporter.v4[0]).toBe(0xc0000209)
    })
    expect(seen).toBe(1)
  })

  it('takes the exporter from its option when the file has no addresses', async () => {
    const place = await freshStore()
    const payload = join(folder, 'payload.dat')
    writeFileSync(payload, readFileSync(v5Capture('two.pcap')).subarray(24 + 16 + 42))
    const { ledger } = await run(place, { files: [payload], exporter: '2001:db8::7' })
    expect(ledger).toMatchObject([{ exporter: '2001:db8::7', sourcePort: 2055, version: 5, received: 1 }])
    await expect(run(place, { exporter: 'router1' })).rejects.toThrow(
      'import: exporter expected an address, got router1',
    )
  })

  it('adds further elements as columns when they are configured', async () => {
    const place = await freshStore()
    const file = join(folder, 'ipfix.pcap')
    await simulate({ target: file, flows: 500, protocols: ['ipfix'], exporters: 2, system })
    await run(place, { files: [file], decoder: { elements: ['applicationName'] } })
    const snapshot = await place.manifest.snapshot()
    for await (const { schemaId } of snapshot.blocks('flows')) {
      expect(JSON.stringify(await snapshot.schema(schemaId))).toContain('applicationName')
    }
  })
})

/** The methods of an object that keeps its state in private fields, as an object to spread. */
function bound<T extends object>(target: T): T {
  const names = new Set<string>()
  for (let at: object = target; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name)
  }
  const methods: { [name: string]: unknown } = {}
  for (const name of names) {
    const value: unknown = Reflect.get(target, name)
    methods[name] = typeof value === 'function' ? value.bind(target) : value
  }
  return methods as T
}
