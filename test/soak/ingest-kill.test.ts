import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/ingest/simulate/random.ts'
import { simulate } from '../../src/ingest/simulate/simulate.ts'
import { compact } from '../../src/storage/compact/compact.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openStore } from '../../src/storage/open.ts'
import { realSystem } from '../../src/storage/system.ts'
import { Started } from '../e2e/command.ts'
import { storedLedger, storedTotals } from '../ingest/flows.ts'
import { freePort } from '../kit/udp.ts'
import { soakCount } from './count.ts'
import { makePlace, PLACES, type SoakPlace } from './places.ts'

/** The built daemon, killed again and again by signal 9 while exporters send. */

const KILLS = soakCount({ full: 50, sample: 3, variable: 'FLOWREDUCE_KILLS' })
const SEED = Number(process.env.FLOWREDUCE_SEED ?? 1)
const RATE = 5000
const system = realSystem()
const sleep = (ms: number): Promise<void> => system.sleep(ms)

/** Starts the daemon and waits until it listens. */
async function startDaemon({ folder, store }: SoakPlace, port: number): Promise<Started> {
  const daemon = new Started([
    ...['ingest', '--listen', `udp://127.0.0.1:${port}`, '--store', store, '--spool', join(folder, 'spool')],
    ...['--roll', '300ms', '--interval', '300ms', '--name', 'soak'],
  ])
  await daemon.seen(/listening on/)
  return daemon
}

async function end(daemon: Started, signal: NodeJS.Signals): Promise<number | null> {
  daemon.kill(signal)
  return (await daemon.finished).code
}

describe.each(PLACES)('the daemon killed by signal 9, over a store of kind %s,', (name) => {
  it(`${KILLS} times at random moments (seed ${SEED}) doubles no flow, and the ledger misses exactly those not stored`, async () => {
    const place = await makePlace(name)
    const random = new Random(SEED)
    const port = await freePort()
    const store = await openStore(place.store)
    let daemon = await startDaemon(place, port)
    const stopping = new AbortController()
    const sending = simulate({
      target: `udp://127.0.0.1:${port}`,
      flows: 1e9,
      rate: RATE,
      protocols: ['v5'],
      exporters: 4,
      sampling: 'none',
      system,
      signal: stopping.signal,
    })
    // The first datagram of each exporter must be safe: what came before it no sequence number tells.
    await sleep(1500)
    let downMs = 0
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(50 + random.below(900))
      const killedAt = performance.now()
      await end(daemon, 'SIGKILL')
      // Once in a while the blocks of the last commits are gone before the daemon is back.
      if (kill % 10 === 4) {
        const manifest = await openManifest(store, { system, create: true })
        if ((await (await manifest.snapshot()).datasets()).length > 0)
          await compact({ store, manifest, system, writer: 'compact' })
      }
      daemon = await startDaemon(place, port)
      downMs += performance.now() - killedAt
    }
    await sleep(500)
    stopping.abort()
    const sent = await sending
    // A store that has not answered yet would leave everything in the spool.
    await daemon.seen(/[1-9]\d* blocks? in [1-9]/)
    expect(await end(daemon, 'SIGTERM')).toBe(0)
    const manifest = await openManifest(store, { system })
    const stored = await storedTotals(store, manifest)
    const ledger = await storedLedger(manifest)
    const lost = ledger.reduce((sum, entry) => sum + entry.lost, 0)
    const received = ledger.reduce((sum, entry) => sum + entry.received, 0)
    expect(received).toBe(stored.flows)
    expect(ledger.reduce((sum, { duplicates, restarts }) => sum + duplicates + restarts, 0)).toBe(0)
    expect(stored.flows + lost).toBe(sent.flows)
    expect(stored.flows).toBeLessThanOrEqual(sent.flows)
    expect(lost).toBeLessThanOrEqual((RATE * (downMs + KILLS * 1000)) / 1000)
    console.log(
      `${name}: kills ${KILLS}, sent ${sent.flows}, stored ${stored.flows}, lost ${lost}, down ${Math.round(downMs)} ms`,
    )
  })
})
