import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/ingest/simulate/random.ts'
import { simulate } from '../../src/ingest/simulate/simulate.ts'
import { compact } from '../../src/storage/compact/compact.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openStore } from '../../src/storage/open.ts'
import { realSystem } from '../../src/storage/system.ts'
import { storedLedger, storedTotals } from '../ingest/flows.ts'
import { freePort } from '../kit/udp.ts'
import { soakCount } from './count.ts'

/** The built daemon, killed again and again by signal 9 while exporters send. */

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const KILLS = soakCount({ full: 50, sample: 5, variable: 'FLOWREDUCE_KILLS' })
const SEED = Number(process.env.FLOWREDUCE_SEED ?? 1)
const RATE = 5000
const system = realSystem()
const sleep = (ms: number): Promise<void> => system.sleep(ms)

/** Starts the daemon and waits until it listens. */
async function startDaemon(folder: string, port: number): Promise<ChildProcess> {
  const options = [
    '--listen',
    `udp://127.0.0.1:${port}`,
    '--store',
    `file:${folder}/store`,
    '--spool',
    `${folder}/spool`,
  ]
  const daemon = spawn(process.execPath, [CLI, 'ingest', ...options, '--roll', '300ms', '--name', 'soak'])
  let said = ''
  await new Promise<void>((resolve, reject) => {
    daemon.stderr.on('data', (text: Buffer) => {
      said += text.toString()
      if (said.includes('listening on')) resolve()
    })
    daemon.once('exit', (code) => reject(new Error(`the daemon ended with ${code}: ${said}`)))
  })
  return daemon
}

async function end(daemon: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => daemon.once('exit', resolve))
  daemon.kill(signal)
  return ended
}

describe('the daemon killed by signal 9', () => {
  it(`${KILLS} times at random moments (seed ${SEED}) doubles no flow, and the ledger misses exactly those not stored`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flowreduce-kill-'))
    const random = new Random(SEED)
    const port = await freePort()
    const store = await openStore(`file:${folder}/store`)
    let daemon = await startDaemon(folder, port)
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
      daemon = await startDaemon(folder, port)
      downMs += performance.now() - killedAt
    }
    await sleep(500)
    stopping.abort()
    const sent = await sending
    await sleep(200)
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
      `kills ${KILLS}, sent ${sent.flows}, stored ${stored.flows}, lost ${lost}, down ${Math.round(downMs)} ms`,
    )
    rmSync(folder, { recursive: true })
  })
})
