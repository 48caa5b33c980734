import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { flowreduce, flowreduceJson, start } from './command.ts'
import { byPort, makePlace, type Place, type Result, type Sent } from './place.ts'

let place: Place
let folder: string
let store: string

beforeEach(async () => {
  place = await makePlace()
  folder = place.folder
  store = place.store
})

describe('the whole path over a real UDP socket', () => {
  it("ends with the simulator's own totals per port", async () => {
    const spool = join(folder, 'spool')
    const daemon = start([
      'ingest',
      '--listen',
      'udp://127.0.0.1:0',
      '--store',
      store,
      '--spool',
      spool,
      '--roll',
      '1s',
    ])
    const [, target = ''] = await daemon.seen(/listening on (udp:\S+)/)
    const sent = await flowreduceJson<Sent>([
      ...['simulate', '--target', target, '--flows', '30000', '--rate', '20000', '--exporters', '5', '--ports'],
    ])
    daemon.kill('SIGTERM')
    expect(await daemon.finished).toMatchObject({ code: 0 })
    const result = await place.run('port-breakdown')
    expect(result.coverage).toMatchObject({ flows: 30_000, lost: { flows: 0, datagrams: 0, records: 0 } })
    expect(byPort(result.rows)).toEqual(byPort(sent.ports))
    const { rows } = await place.run('totals')
    expect(rows).toMatchObject([{ flows: sent.flows, packets: sent.packets, bytes: sent.bytes }])
  })
})

describe('flowreduce run', () => {
  it('prints the parts of a result as JSON, and only rows as NDJSON and CSV', async () => {
    await place.importFlows(2000)
    const result = await place.run('port-breakdown', '--top', '3')
    expect(Object.keys(result)).toEqual(['job', 'run', 'snapshot', 'coverage', 'columns', 'rows'])
    expect(result).toMatchObject({ job: 'port-breakdown', snapshot: 2 })
    expect(result.run).toMatch(/^\d{8}T\d{6}Z-port-breakdown-[0-9a-f]{8}$/)
    expect(result.columns.map(({ name }) => name)).toEqual(['port', 'bytes', 'packets', 'flows'])
    expect(result.rows).toHaveLength(3)
    const print = async (format: string): Promise<string> =>
      (await flowreduce(['run', 'port-breakdown', '--store', store, '--format', format, '--top', '3'])).stdout
    const ndjson = (await print('ndjson'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(ndjson).toEqual(result.rows)
    const csv = (await print('csv')).trimEnd().split('\n')
    expect(csv).toEqual([
      'port,bytes,packets,flows',
      ...result.rows.map(({ port, bytes, packets, flows }) => [port, bytes, packets, flows].join(',')),
    ])
    const { records } = await flowreduceJson<{ records: number }>([
      'fs',
      'stat',
      'results/port-breakdown',
      '--store',
      store,
    ])
    expect(records).toBeGreaterThan(3)
  })

  it('prints a table of 20 rows, how many are left, and the coverage', async () => {
    const sent = await place.importFlows(3000)
    const { stdout } = await flowreduce(['run', 'port-breakdown', '--store', store])
    const lines = stdout.trimEnd().split('\n')
    expect(lines[22]).toBe(`${(sent.ports.length - 20).toLocaleString('en')} more rows`)
    expect(lines.slice(23, 25)).toEqual(['', 'coverage: 3,000 flows, nothing known to be missing'])
  })

  it('gives identical rows for any number of workers, splits and partitions, and inline', async () => {
    await place.importFlows(20_000)
    const rows = async (...options: string[]): Promise<string> => {
      const { code, stdout, stderr } = await flowreduce([
        ...['run', 'bytes-per-second', '--store', store, '--format', 'csv', ...options],
      ])
      expect(code, stderr).toBe(0)
      return stdout
    }
    const expected = await rows('--runner', 'inline', '--partitions', '1')
    expect(expected.length).toBeGreaterThan(1000)
    for (const workers of ['1', '2', '3', '7']) {
      expect(await rows('--workers', workers, '--partitions', workers, '--split-size', '200kB')).toBe(expected)
    }
  })

  it('runs a job of a file from a folder without node_modules, and jobs of several shapes', async () => {
    const sent = await place.importFlows(2000)
    const elsewhere = join(folder, 'elsewhere')
    await mkdir(elsewhere)
    await writeFile(
      join(elsewhere, 'my-jobs.ts'),
      `import { z } from 'zod'
      import { address, count, defineJob, sum, u8 } from 'flowreduce'
      import { NAME } from './name.ts'
      export const protocols = defineJob({
        name: NAME, description: 'd', params: z.object({ least: z.number().default(0) }),
        where: ({ params }) => \`bytes >= \${params.least}\`,
        groupBy: { proto: 'proto' }, aggregate: { flows: count(), bytes: sum('bytes') },
      })
      export const talkers = defineJob({
        name: 'talkers', description: 'd', reads: ['srcAddr', 'proto', 'bytes'],
        key: { src: address(), proto: u8() }, value: { bytes: sum() },
        map(flow, emit) { emit({ src: flow.srcAddr, proto: flow.proto }, { bytes: flow.bytes }) },
      })`,
    )
    await writeFile(join(elsewhere, 'name.ts'), `export const NAME = 'protocols'`)
    const options = { cwd: elsewhere }
    const common = ['--store', store]
    const protocols = await flowreduceJson<Result>(['run', './my-jobs.ts#protocols', ...common], options)
    const talkers = await flowreduceJson<Result>(['run', './my-jobs.ts#talkers', ...common], options)
    for (const { rows } of [protocols, talkers]) {
      expect(rows.reduce((sum, { bytes }) => sum + Number(bytes), 0)).toBe(sent.bytes)
    }
    const few = await flowreduceJson<Result>(
      ['run', './my-jobs.ts#protocols', ...common, '--set', 'least=100000'],
      options,
    )
    expect(few.coverage.flows).toBe(2000)
    expect(few.rows.reduce((sum, { flows }) => sum + Number(flows), 0)).toBeLessThan(2000)
    expect(await readdir(elsewhere)).toEqual(['my-jobs.ts', 'name.ts'])
  })

  it('answers a capture in one line, without a store, and leaves nothing behind', async () => {
    const capture = join(folder, 'one.pcap')
    const sent = await flowreduceJson<Sent>(['simulate', '--target', capture, '--flows', '1000'])
    const env = { TMPDIR: join(folder, 'tmp') }
    await mkdir(env.TMPDIR)
    const { rows } = await flowreduceJson<Result>(['run', 'totals', capture], { env })
    expect(rows).toMatchObject([{ flows: 1000, packets: sent.packets, bytes: sent.bytes }])
    const left = await readdir(env.TMPDIR, { recursive: true })
    expect(left.filter((name) => name.includes('manifest') || name.includes('totals'))).toEqual([])
  })

  it('adds up exactly over adjacent periods', async () => {
    await place.importFlows(3000)
    const middle = '2025-12-31T23:59:30Z'
    const bytes = async (...options: string[]): Promise<bigint> => {
      const { rows } = await place.run('bytes-per-second', '--int64', 'string', ...options)
      return rows.reduce((sum, row) => sum + BigInt(row.bytes!), 0n)
    }
    const [before, after, all] = [await bytes('--to', middle), await bytes('--from', middle), await bytes()]
    expect(before > 0n && after > 0n).toBe(true)
    expect(before + after).toBe(all)
  })

  it('runs over an empty store', async () => {
    await place.importFlows(0)
    const { rows, coverage } = await place.run('totals')
    expect(coverage.flows).toBe(0)
    expect(rows.length).toBeLessThanOrEqual(1)
  })
})
