import { parseAddress } from '../../../src/flow/address.ts'
import { ChunkWriter } from '../../../src/ingest/daemon/chunk.ts'
import { LogWriter } from '../../../src/ingest/daemon/log.ts'
import { type OpenCollector, openCollector } from '../../../src/ingest/daemon/open-collector.ts'
import { createEncoder } from '../../../src/ingest/simulate/encoder.ts'
import { planExporters, SIMULATED_PROTOCOLS } from '../../../src/ingest/simulate/exporters.ts'
import { Traffic } from '../../../src/ingest/simulate/traffic.ts'
import type { ObjectStore } from '../../../src/storage/store.ts'
import { realSystem, type System } from '../../../src/storage/system.ts'
import { emptyFlows } from '../flows.ts'

/** The collecting half of a daemon, driven by hand: for tests of what survives when the process dies. */

export const START_MS = Date.UTC(2026, 10, 21, 12)

/** Chunks with all the datagrams of three exporters, in order, each protocol once. */
export function trafficChunks(chunks: number, flowsPerChunk: number): ChunkWriter[] {
  const exporters = planExporters({
    protocols: SIMULATED_PROTOCOLS,
    exporters: 3,
    sampling: 'some',
    seed: 5,
    startMs: START_MS,
    firstAddress: 0xc0000201,
  })
  const encoders = exporters.map(createEncoder)
  const traffic = new Traffic({ seed: 5, exporters, startMs: START_MS, rate: 1000, curve: 'even' })
  const flows = emptyFlows(flowsPerChunk)
  const exporterOf = new Uint16Array(flowsPerChunk)
  return Array.from({ length: chunks }, () => {
    const chunk = new ChunkWriter()
    flows.length = 0
    traffic.fill(flows, exporterOf, flowsPerChunk)
    const emit = (index: number): void => {
      const encoder = encoders[index]!
      const length = encoder.finish(traffic.nowMs)
      const address = parseAddress(`192.0.2.${index + 1}`)
      chunk.add(encoder.bytes.subarray(0, length), address, 9000 + index, 0, traffic.nowMs)
    }
    for (let row = 0; row < flows.length; row++) {
      const index = exporterOf[row]!
      encoders[index]!.add(flows, row)
      if (encoders[index]!.full) emit(index)
    }
    for (const { index } of exporters) if (encoders[index]!.flows > 0) emit(index)
    return chunk
  })
}

/** A collector with its log, as one process has them. */
export interface DrivenSession extends OpenCollector {
  readonly warnings: string[]
  /** What the outbox could not go on after. */
  readonly fatal: unknown[]
  /** Logs a chunk and decodes it, as the daemon does. */
  feed(chunk: ChunkWriter): Promise<void>
  /** Logs a chunk that is not decoded any more. */
  log(chunk: ChunkWriter): Promise<void>
}

export interface DrivenOptions {
  readonly store: ObjectStore
  readonly spoolFolder: string | undefined
  readonly system?: System
  readonly budgetBytes?: number
  readonly keepDatagrams?: boolean
  readonly blockSizeBytes?: number
  readonly expect?: readonly string[]
}

const logs: LogWriter[] = []

/** Closes the files that sessions died with. */
export async function closeLogs(): Promise<void> {
  await Promise.all(logs.splice(0).map((log) => log.close()))
}

export async function startSession(options: DrivenOptions): Promise<DrivenSession> {
  const { store, spoolFolder, system = realSystem(), budgetBytes = 1e9 } = options
  const { keepDatagrams = false, blockSizeBytes = 64e6, expect = [] } = options
  const log = spoolFolder === undefined ? undefined : new LogWriter(spoolFolder)
  if (log) logs.push(log)
  const warnings: string[] = []
  const fatal: unknown[] = []
  const open = await openCollector(
    {
      collector: 'test',
      rollMs: 60_000,
      blockSizeBytes,
      keepDatagrams,
      expect,
      decoder: {},
      spoolFolder,
      logFile: log?.file ?? 0,
      budgetBytes,
    },
    {
      store,
      system,
      onWarning: (message) => warnings.push(message),
      onFatal: (error) => fatal.push(error),
    },
  )
  return {
    ...open,
    warnings,
    fatal,
    async feed(chunk) {
      const frame = chunk.frame()
      const position = await log?.append(frame)
      open.collector.feed(frame.subarray(8), position)
    },
    async log(chunk) {
      await log?.append(chunk.frame())
    },
  }
}
