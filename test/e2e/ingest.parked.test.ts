import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { FLOW_FLAGS } from '../../src/flow/fields.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openStore } from '../../src/storage/open.ts'
import type { ObjectStore } from '../../src/storage/store.ts'
import { realSystem } from '../../src/storage/system.ts'
import { ipfix, set, template, u, v9 } from '../ingest/decode/wire.ts'
import { eachBatch, storedLedger } from '../ingest/flows.ts'
import { sendFrom } from '../kit/udp.ts'
import { type Started, temporaryFolder } from './command.ts'
import { startDaemon } from './daemon.ts'

/** Data sets that wait for their template while a real daemon ends, or dies, and another one goes on. */

const EXPORTER = '127.0.0.2'
const system = realSystem()
let folder: string
let store: string
beforeEach(async () => {
  folder = await temporaryFolder()
  store = `file:${join(folder, 'store')}`
})

const start = () =>
  startDaemon([
    ...['--store', store, '--spool', join(folder, 'spool'), '--name', 'parked', '--metrics', '127.0.0.1:0'],
    ...['--roll', '200ms', '--interval', '50ms'],
  ])

/** Waits until a metric of the daemon has reached a value. */
async function metric(daemon: Started, name: string, value: number): Promise<void> {
  const [, url] = await daemon.seen(/metrics on (http:\S+)/)
  const line = `flowreduce_ingest_${name} ${value}`
  let text = ''
  for (let i = 0; i < 400; i++) {
    text = await (await fetch(`${url}/metrics`)).text()
    if (text.split('\n').includes(line)) return
    await system.sleep(25)
  }
  expect(text).toContain(line)
}

const end = async (daemon: Started, signal: NodeJS.Signals): Promise<void> => {
  daemon.kill(signal)
  await daemon.finished
}

/** Octets and flags of the flows stored, and the sums of the ledger. */
async function stored() {
  const opened: ObjectStore = await openStore(store)
  const manifest = await openManifest(opened, { system })
  const flows: number[] = []
  let late = 0
  await eachBatch(opened, manifest, 'flows', ({ length, columns }) => {
    for (let row = 0; row < length; row++) {
      flows.push(columns.bytes.values[row]!)
      if (columns.flags.values[row]! & FLOW_FLAGS.decodedLate) late++
    }
  })
  const ledger = await storedLedger(manifest)
  const sum = (of: 'received' | 'lost' | 'undecodable'): number => ledger.reduce((total, entry) => total + entry[of], 0)
  const sums = { received: sum('received'), lost: sum('lost'), undecodable: sum('undecodable') }
  return { flows: flows.sort((a, b) => a - b), late, ...sums }
}

const TEMPLATE = set(2, template(256, [1, 4]))

describe('data before its template', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('is decoded by the daemon after one that ended by %s', async (signal) => {
    const first = await start()
    await sendFrom(EXPORTER, first.target, [
      ipfix([set(256, u(32, 1, 2))]),
      ipfix([set(256, u(32, 3))], { sequence: 2 }),
      v9([set(256, u(32, 4))], { domain: 7 }),
    ])
    await metric(first.daemon, 'sets_without_template_total', 3)
    await end(first.daemon, signal)
    const second = await start()
    const another = set(0, template(256, [1, 4]))
    // From another port: templates belong to the exporter, not to its session.
    await sendFrom(EXPORTER, second.target, [
      ipfix([TEMPLATE], { sequence: 3 }),
      v9([another], { domain: 7, sequence: 1 }),
    ])
    await metric(second.daemon, 'flows_total', 4)
    await end(second.daemon, 'SIGTERM')
    expect(await stored()).toMatchObject({ flows: [1, 2, 3, 4], late: 4, lost: 0, undecodable: 0 })
  })

  it('is bounded by sets and by octets for each exporter, and what is given up is counted, across a restart', async () => {
    const first = await start()
    // 4,096 sets may wait: of these the first four are given up.
    const numbers = Array.from({ length: 4100 }, (_, value) => value)
    await sendFrom(
      EXPORTER,
      first.target,
      numbers.map((value) => ipfix([set(256, u(32, value))], { sequence: value })),
    )
    await metric(first.daemon, 'sets_given_up_total', 4)
    // 8 MiB may wait, each set counted with 256 octets more than it has: of 150 sets of 60,000 octets 139.
    const large = new Array<number>(60_000).fill(0)
    const message = (sequence: number) => ipfix([set(300, large)], { sequence })
    for (let sequence = 0; sequence < 150; sequence++) await sendFrom('127.0.0.3', first.target, [message(sequence)])
    await metric(first.daemon, 'sets_given_up_total', 4 + 150 - 139)
    await end(first.daemon, 'SIGTERM')
    const second = await start()
    await sendFrom(EXPORTER, second.target, [ipfix([TEMPLATE], { sequence: 4100 })])
    await metric(second.daemon, 'flows_total', 4096)
    await sendFrom('127.0.0.3', second.target, [ipfix([set(2, template(300, [1, 4], [2, 59_996]))], { sequence: 150 })])
    await metric(second.daemon, 'flows_total', 4096 + 139)
    await end(second.daemon, 'SIGTERM')
    const { flows, late, undecodable } = await stored()
    expect(flows.slice(139)).toEqual(numbers.slice(4))
    expect([late, undecodable]).toEqual([4096 + 139, 15])
  })
})
