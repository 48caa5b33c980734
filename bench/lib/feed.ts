import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon } from './daemon.ts'
import { makeCapture, nfcapd } from './data.ts'
import type { Measurement } from './measure.ts'
import { measure, medians } from './measure.ts'
import type { Setting } from './setting.ts'
import { flowreduce, run } from './setting.ts'

/** Flows that went into a store by a whole command, and medians of what it took. */
export interface Feed extends Measurement {
  readonly flows: number
}

/** Datagrams sent at a steady rate, and the flows found afterwards. */
export interface Live {
  /** Flows that were sent, each second. */
  readonly sentPerSecond: number
  readonly stored: number
  readonly lostShare: number
}

/** How flows come into a store: every measurement begins anew and counts what it stored. */
export class FeedBench {
  readonly #setting: Setting
  readonly #capture: string

  constructor(setting: Setting) {
    this.#setting = setting
    this.#capture = this.#at('v5.pcap')
    makeCapture(setting, this.#capture)
  }

  /** Flows of the capture. */
  get flows(): number {
    return this.#setting.flows
  }

  import(): Feed {
    const store = this.#at('feed-avro')
    return this.#rounds(['import', this.#capture], store, () => remove(store))
  }

  /** Compacts what `import` left. */
  compact(): Feed {
    const store = this.#at('feed-parquet')
    return this.#rounds(['compact', '--all'], store, () => {
      remove(store)
      cpSync(this.#at('feed-avro'), store, { recursive: true })
    })
  }

  /** Sends the capture to a daemon at `rate` datagrams a second. */
  async ingest(rate: number): Promise<Live> {
    const [store, spool] = [this.#at('feed-live'), this.#at('feed-spool')]
    remove(store)
    remove(spool)
    const daemon = await startDaemon('--store', `file:${store}`, '--spool', spool)
    const port = new URL(daemon.target).port
    const { seconds } = JSON.parse(run([this.#setting.send, this.#capture, port, String(rate)])) as { seconds: number } // send prints it
    await daemon.stop()
    return this.#live(this.#flowsIn(store), seconds)
  }

  /** Sends the capture to nfcapd at `rate` datagrams a second. */
  async nfcapd(rate: number): Promise<Live> {
    const { flows, seconds } = await nfcapd(this.#setting, this.#capture, this.#at('feed-nfcapd'), rate)
    return this.#live(flows, seconds)
  }

  /** Removes what was stored; the capture stays. */
  close(): void {
    for (const name of ['avro', 'parquet', 'live', 'spool', 'nfcapd']) remove(this.#at(`feed-${name}`))
  }

  #at(name: string): string {
    return join(this.#setting.data, name)
  }

  #live(stored: number, seconds: number): Live {
    const { flows } = this.#setting
    return { sentPerSecond: flows / seconds, stored, lostShare: 1 - stored / flows }
  }

  #rounds(command: readonly string[], store: string, prepare: () => void): Feed {
    const [name = ''] = command
    const whole = flowreduce(this.#setting, ...command, '--store', `file:${store}`, '--quiet')
    const runs: Measurement[] = []
    let flows = 0
    for (let round = 0; round < this.#setting.rounds; round++) {
      prepare()
      runs.push(measure({ name, command: whole }, this.#setting.data).measurement)
      flows = this.#flowsIn(store)
    }
    return { flows, ...medians(runs) }
  }

  /** Flows that a job finds in a store. */
  #flowsIn(store: string): number {
    const args = ['run', 'totals', '--store', `file:${store}`, '--format', 'json', '--quiet']
    const { rows } = JSON.parse(run(flowreduce(this.#setting, ...args))) as { rows: { flows: number }[] } // what `run --format json` prints
    return Number(rows[0]?.flows ?? 0)
  }
}

/** Tries at a rate; what else the machine does loses packets of one or the other. */
const TRIES = 3

/** The figure at the highest of rising rates up to which one of the tries at each lost nothing; the one that lost least at the lowest when all of those lost some. */
export async function highestLossless(rates: readonly number[], send: (rate: number) => Promise<Live>): Promise<Live> {
  let best: Live | undefined
  for (const rate of rates) {
    let least: Live | undefined
    for (let i = 0; i < TRIES && least?.lostShare !== 0; i++) {
      const live = await send(rate)
      if (!least || live.lostShare < least.lostShare) least = live
    }
    if (least && least.lostShare > 0) return best ?? least
    best = least
  }
  if (!best) throw new Error('bench: expected a rate, got none')
  return best
}

const remove = (path: string): void => rmSync(path, { recursive: true, force: true })
