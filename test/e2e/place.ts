import { join } from 'node:path'
import { flowreduceJson, temporaryFolder } from './command.ts'

/** What `run --format json` prints. */
export interface Result {
  readonly job: string
  readonly run: string
  readonly snapshot: number
  readonly coverage: { readonly flows: number; readonly lost: unknown }
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly { readonly [column: string]: number | string }[]
}

/** What `simulate --ports --format json` prints. */
export interface Sent {
  readonly flows: number
  readonly packets: number
  readonly bytes: number
  readonly ports: readonly {
    readonly port: number
    readonly flows: number
    readonly packets: number
    readonly bytes: number
  }[]
}

/** A folder with a store in it, for one test. */
export interface Place {
  readonly folder: string
  readonly store: string
  /** Runs a job over the store. */
  run(job: string, ...options: string[]): Promise<Result>
  /** Simulates a capture and imports it, in blocks small enough for several map tasks. */
  importFlows(flows: number): Promise<Sent>
  /** Datasets of committed results. */
  results(): Promise<unknown[]>
}

export async function makePlace(): Promise<Place> {
  const folder = await temporaryFolder()
  const store = `file:${join(folder, 'store')}`
  return {
    folder,
    store,
    run: (job, ...options) => flowreduceJson<Result>(['run', job, '--store', store, ...options]),
    async importFlows(flows) {
      const capture = join(folder, 'flows.pcap')
      const sent = await flowreduceJson<Sent>(['simulate', '--target', capture, '--flows', String(flows), '--ports'])
      await flowreduceJson(['import', capture, '--store', store, '--block-size', '400kB'])
      return sent
    },
    async results() {
      const listed = await flowreduceJson<{ rows: { dataset: string }[] }>(['fs', 'ls', 'results', '--store', store])
      return listed.rows.map(({ dataset }) => dataset)
    },
  }
}

/** Options that cut a store of `importFlows` into several tasks of both kinds. */
export const SPLITS = ['--split-size', '300kB', '--partitions', '3', '--workers', '2']

/** Flows, packets and bytes by port, however the rows are ordered. */
export const byPort = (rows: readonly { readonly [name: string]: unknown }[]): Map<unknown, unknown[]> =>
  new Map(rows.map(({ port, flows, packets, bytes }) => [port, [flows, packets, bytes]]))
