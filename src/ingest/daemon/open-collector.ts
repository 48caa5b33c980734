import { StorageError } from '../../storage/errors.ts'
import { type Manifest, openManifest } from '../../storage/manifest/manifest.ts'
import type { ObjectStore } from '../../storage/store.ts'
import type { System } from '../../storage/system.ts'
import { Collector, type CollectorOptions } from './collector.ts'
import { LOG_START, LogReader } from './log.ts'
import { Outbox } from './outbox.ts'
import { Spool } from './spool.ts'

export interface OpenCollectorOptions
  extends Pick<CollectorOptions, 'collector' | 'rollMs' | 'blockSizeBytes' | 'keepDatagrams' | 'expect' | 'decoder'> {
  /** Folder of the spool; it is locked by the caller. */
  readonly spoolFolder: string | undefined
  /** Number of the first file of the log that this daemon writes: what lies in earlier ones is an earlier daemon's. */
  readonly logFile: number
  /** Bytes of blocks that may wait for the store. */
  readonly budgetBytes: number
}

export interface CollectorContext {
  readonly store: ObjectStore
  readonly system: System
  readonly onWarning: (message: string) => void
  readonly onFatal: (error: unknown) => void
}

/** A collector with what belongs to it. */
export interface OpenCollector {
  readonly collector: Collector
  readonly outbox: Outbox
  /** Datagrams of an earlier daemon that have been decoded again. */
  readonly recovered: number
}

const MAX_BACKOFF_MS = 15_000

/**
 * Opens the store, takes over what an earlier daemon left in the spool, and starts collecting. When the store cannot be reached this throws
 * StorageError, unless the spool has been used before: then it waits for the store.
 */
export async function openCollector(options: OpenCollectorOptions, context: CollectorContext): Promise<OpenCollector> {
  const { spoolFolder, collector, budgetBytes } = options
  const { store, system, onWarning, onFatal } = context
  const spool = spoolFolder === undefined ? undefined : new Spool(spoolFolder)
  const transactions = `ingest:${collector}:${spool?.id ?? processId(system)}`
  const { manifest, committed } = await reach(context, transactions, spool?.used ?? false)
  const outbox = new Outbox({
    store,
    manifest,
    system,
    collector,
    transactions,
    spool,
    budgetBytes,
    onWarning,
    onFatal,
  })
  for (const sequence of spool?.units() ?? []) {
    if (sequence <= committed) spool?.committed(sequence)
    else if (spool) outbox.resume(spool.readUnit(sequence))
  }
  const { sequence, checkpoint } = spool?.recover(committed) ?? { sequence: committed, checkpoint: NOTHING }
  const opened = new Collector({
    ...options,
    ...context,
    outbox,
    spool,
    firstSequence: sequence + 1,
    checkpoint,
  })
  const open = { collector: opened, outbox }
  const recovered = spool ? await replay(spool, open, options.logFile, system) : 0
  return { ...open, recovered }
}

const NOTHING = { position: LOG_START, state: undefined }

/** Decodes again what the log holds after the last safe roll. */
async function replay(
  spool: Spool,
  { collector, outbox }: Omit<OpenCollector, 'recovered'>,
  before: number,
  system: System,
): Promise<number> {
  const reader = new LogReader(spool.folder)
  let datagrams = 0
  for (const { bytes, end } of reader.chunks(collector.position, before)) {
    datagrams += collector.feed(bytes, end)
    await new Promise(setImmediate)
    for (; outbox.busy || collector.blocked; collector.tick()) await system.sleep(10)
  }
  return datagrams
}

/** The manifest, and the number of the last roll that is committed. */
async function reach(
  { store, system, onWarning }: CollectorContext,
  transactions: string,
  patient: boolean,
): Promise<{ manifest: Manifest; committed: number }> {
  for (let tries = 0; ; tries++) {
    try {
      const manifest = await openManifest(store, { system, create: true })
      return { manifest, committed: await (await manifest.snapshot()).transaction(transactions) }
    } catch (error) {
      if (!patient || !(error instanceof StorageError) || error.code !== 'unavailable') throw error
      onWarning(`ingest: the store does not answer, datagrams wait in the spool: ${error.message}`)
      await system.sleep(Math.min(MAX_BACKOFF_MS, 500 * 2 ** tries) * (0.5 + system.random() / 2))
    }
  }
}

/** Names a daemon without a spool. */
function processId(system: System): string {
  return Array.from({ length: 4 }, () =>
    Math.floor(system.random() * 0x10000)
      .toString(16)
      .padStart(4, '0'),
  ).join('')
}
