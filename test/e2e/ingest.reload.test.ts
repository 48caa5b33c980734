import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { ipfix, set, template, u } from '../ingest/decode/wire.ts'
import { sendFrom } from '../kit/udp.ts'
import { flowreduce, flowreduceJson, type Started, temporaryFolder } from './command.ts'
import { OPENED, startDaemon } from './daemon.ts'

/** A real daemon, its configuration file changed on disk, and SIGHUP. */

let config: string
let store: string
beforeEach(async () => {
  const folder = await temporaryFolder()
  config = join(folder, 'jobs.config.ts')
  store = `file:${join(folder, 'store')}`
  await configure('')
})

const configure = (body: string): Promise<void> =>
  writeFile(config, `import { defineConfig } from 'flowreduce'\nexport default defineConfig({ ${body} })\n`)

const start = () =>
  startDaemon(['--store', store, '--spool', 'none', '--config', config, '--roll', '200ms', '--interval', '50ms'])

/** A message of one flow of so many octets, with an element of enterprise 9999. */
const flow = (sequence: number, bytes: number, own: number): Uint8Array =>
  ipfix([set(2, template(256, [1, 4], [1, 4, 9999])), set(256, u(32, bytes, own))], { sequence })

/** Octets, sampling and the value of the own element of every stored flow, in order. */
async function flows(): Promise<unknown[][]> {
  const { code, stdout, stderr } = await flowreduce(['fs', 'cat', 'flows', '--store', store, '--format', 'ndjson'])
  expect(code, stderr).toBe(0)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const known = rows.map(({ bytes, sampleSize, samplePopulation, ownCounter = null }) => {
    return [bytes, sampleSize, samplePopulation, ownCounter]
  })
  return known.sort(([a], [b]) => a - b)
}

const settled = (daemon: Started, flows: number): Promise<unknown> =>
  daemon.seen(new RegExp(`; \\d+ datagrams?, ${flows} flows?, [1-9]\\d* blocks? in [1-9]`))

const NEW_CONFIGURATION = `
  ingest: { allow: ['127.0.0.2'] },
  sampling: { '127.0.0.0/30': 500 },
  elements: [{ name: 'ownCounter', enterprise: 9999, id: 1, type: 'u32' }],
`

describe('flowreduce ingest on SIGHUP', () => {
  it('hears, samples and keeps what the changed configuration says, and stays with it when the next one is wrong', async () => {
    const { daemon, target } = await start()
    await sendFrom('127.0.0.2', target, [flow(0, 1, 41)])
    await settled(daemon, 1)
    await configure(NEW_CONFIGURATION)
    daemon.kill('SIGHUP')
    await daemon.seen(/configuration read again/)
    await sendFrom('127.0.0.2', target, [flow(1, 2, 42)])
    await sendFrom('127.0.0.3', target, [flow(0, 3, 43)])
    await settled(daemon, 2)
    await configure("ingest: { allow: ['everybody'] }, sampling: { '127.0.0.2': -1 }")
    daemon.kill('SIGHUP')
    await daemon.seen(/warning: configuration stays as it was: config \S+: 2 problems/)
    await daemon.seen(/ingest\.allow everybody: expected an address or prefix/)
    await writeFile(config, 'export default {{')
    daemon.kill('SIGHUP')
    await daemon.seen(/configuration stays as it was: (?!config \S+: 2 problems)/)
    await sendFrom('127.0.0.2', target, [flow(2, 4, 44)])
    await sendFrom('127.0.0.3', target, [flow(1, 5, 45)])
    await settled(daemon, 3)
    await daemon.seen(/2 datagrams of exporters not allowed/)
    daemon.kill('SIGTERM')
    expect(await daemon.finished).toMatchObject({ code: 0 })
    expect(await flows()).toEqual([
      [1, 0, 0, null],
      [2, 1, 500, 42],
      [4, 1, 500, 44],
    ])
  })

  it('takes new budgets and drops duplicates when it says so, and names a budget that does not exist', async () => {
    const { daemon, target } = await start()
    const twice = flow(0, 1, 0)
    await sendFrom('127.0.0.2', target, [twice, twice, twice])
    await settled(daemon, 3)
    await configure('ingest: { budgets: { parkedSets: 1 } }')
    daemon.kill('SIGHUP')
    await daemon.seen(/stays as it was: ingest\.budgets: expected exporters, .*valueBytes, got parkedSets/)
    await configure('ingest: { dropDuplicates: true, budgets: { parkedSetsPerExporter: 1 } }')
    daemon.kill('SIGHUP')
    await daemon.seen(/configuration read again/)
    const later = flow(1, 2, 0)
    const parked = [300, 301, 302].map((id) => ipfix([set(id, u(32, 1))], { domain: 9 }))
    await sendFrom('127.0.0.2', target, [later, later, later, ...parked])
    await settled(daemon, 4)
    await daemon.seen(/2 data sets given up without a template/)
    daemon.kill('SIGTERM')
    expect(await daemon.finished).toMatchObject({ code: 0 })
    expect((await flows()).map(([bytes]) => bytes)).toEqual([1, 1, 1, 2])
  })

  it('still hears what --allow names: an option comes before the configuration', async () => {
    const { daemon, target } = await startDaemon([
      ...['--store', store, '--spool', 'none', '--config', config, '--allow', '127.0.0.3', '--format', 'json'],
      ...['--interval', '50ms'],
    ])
    await daemon.seen(OPENED)
    await configure("ingest: { allow: ['127.0.0.2'] }")
    daemon.kill('SIGHUP')
    await daemon.seen(/configuration read again/)
    await sendFrom('127.0.0.2', target, [flow(0, 1, 0)])
    await sendFrom('127.0.0.3', target, [flow(0, 2, 0)])
    daemon.kill('SIGTERM')
    const { stdout } = await daemon.finished
    expect(JSON.parse(stdout).receiver).toMatchObject({ received: 1, denied: 1 })
    const stat = await flowreduceJson<{ records: number }>(['fs', 'stat', 'flows', '--store', store])
    expect(stat.records).toBe(1)
  })
})
