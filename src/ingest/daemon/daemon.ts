import { isShareable, openStore } from '../../storage/open.ts'
import { realSystem, type System } from '../../storage/system.ts'
import { IngestError } from '../error.ts'
import { workerScript } from '../worker-script.ts'
import { checkFixed, checkSettings } from './check-options.ts'
import { CHUNK_BYTES } from './chunk.ts'
import { ChunkPool } from './chunk-pool.ts'
import type { CollectorStatus } from './collector.ts'
import { Feeder } from './feeder.ts'
import { type CollectorHost, inlineHost, workerHost } from './host.ts'
import { collectorSettings, type IngestDaemon, type IngestOptions, type IngestSettings } from './ingest-options.ts'
import { kernelDrops } from './kernel-drops.ts'
import { lockFolder } from './lock.ts'
import { logBytes } from './log.ts'
import type { FromCollector } from './messages.ts'
import { type MetricsServer, serveMetrics } from './metrics-server.ts'
import type { OpenCollectorOptions } from './open-collector.ts'
import { type PlainError, toError } from './plain-error.ts'
import { Reception } from './reception.ts'
import { bufferWarning, parseListen } from './sockets.ts'
import { EMPTY_STATUS, type IngestStatus } from './status.ts'

const RECEIVE_BUFFER_BYTES = 16 << 20
const BUDGET_BYTES = 4_000_000_000
const SPOOL_MS = 200
/** Chunks in memory that may wait to be logged or, without a log, to be decoded: 96 MB. */
const POOL_CHUNKS = (96 << 20) / CHUNK_BYTES
/** Of those that are in the log, so many stay in memory until they are decoded: more would only push each other out of the caches. */
const LOGGED_CHUNKS = (4 << 20) / CHUNK_BYTES
const WATCH_MS = 500
/** A store that has not answered after this long is waited for in the background. */
const PATIENCE_MS = 1500

/**
 * Starts the ingest daemon: receives on all sockets at once, and stores. Throws IngestError for wrong options and addresses that cannot be bound,
 * StorageError when the store cannot be opened.
 */
export async function startIngest(options: IngestOptions): Promise<IngestDaemon> {
  const { receiveBufferBytes = RECEIVE_BUFFER_BYTES, spoolMs = SPOOL_MS, allow = [], onWarning = () => {} } = options
  const { system = realSystem(), inline = false } = options
  const listen = options.listen.map(parseListen)
  if (listen.length === 0) throw new IngestError('bad-listen', 'ingest: listen expected udp://host:port, got none')
  checkFixed(options)
  checkSettings(options, system)
  const unlock = options.spool === undefined ? () => undefined : lockFolder(options.spool)
  try {
    const pool = ChunkPool.create(POOL_CHUNKS)
    const feeder = new Feeder({
      pool,
      spoolFolder: options.spool,
      budgetBytes: options.spoolBudgetBytes ?? BUDGET_BYTES,
      memoryChunks: LOGGED_CHUNKS,
      onWarning,
    })
    const settings = { listen, receiveBufferBytes, allow, spoolMs }
    const onChunk = (chunk: number, frameBytes: number): void => feeder.add(chunk, frameBytes)
    const reception = await Reception.open({ settings, pool, inline, system, onChunk })
    for (const socket of reception.sockets) {
      const warning = bufferWarning(socket, receiveBufferBytes)
      if (warning) onWarning(warning)
    }
    const daemon = new Daemon(options, { pool, feeder, reception, unlock })
    await daemon.open().catch(async (error: unknown) => {
      await daemon.abandon()
      throw error
    })
    return daemon
  } catch (error) {
    unlock()
    throw error
  }
}

/** What a daemon consists of, beside its collecting side. */
interface Parts {
  readonly pool: ChunkPool
  readonly feeder: Feeder
  readonly reception: Reception
  readonly unlock: () => void
}

class Daemon implements IngestDaemon {
  readonly addresses: readonly string[]
  readonly #options: IngestOptions
  readonly #system: System
  readonly #parts: Parts
  #timer: NodeJS.Timeout | undefined
  readonly #kernelDrops: number[]
  #host: CollectorHost | undefined
  #metrics: MetricsServer | undefined
  #collected: CollectorStatus = EMPTY_STATUS
  #queueDrops = 0
  #logBytes = 0
  #recovered: number | undefined
  #stopped: Promise<IngestStatus> | undefined
  #onOpened: { resolve: () => void; reject: (error: Error) => void } | undefined
  #onStopped: { resolve: (committed: boolean) => void; reject: (error: Error) => void } | undefined

  constructor(options: IngestOptions, parts: Parts) {
    this.#options = options
    this.#system = options.system ?? realSystem()
    this.#parts = parts
    const { reception } = parts
    this.addresses = reception.sockets.map(({ url }) => url)
    this.#kernelDrops = reception.sockets.map(() => 0)
    reception.onFatal = (error) => this.#fail(error)
  }

  get metricsUrl(): string | undefined {
    return this.#metrics?.url
  }

  /** Gives up: it could not be opened. */
  abandon(): Promise<void> {
    return this.#close()
  }

  /** Opens the store; returns while a store that does not answer is waited for. */
  async open(): Promise<void> {
    const { metrics } = this.#options
    if (metrics !== undefined) this.#metrics = await serveMetrics(metrics, () => this.status())
    const opened = new Promise<void>((resolve, reject) => {
      this.#onOpened = { resolve, reject }
    })
    const host = await this.#createHost()
    this.#host = host
    this.#parts.feeder.begin((item) => host.send({ type: 'feed', ...item }))
    const patience = new AbortController()
    const waited = this.#system.sleep(PATIENCE_MS, patience.signal).catch(() => undefined)
    await Promise.race([opened, waited]).finally(() => patience.abort())
    this.#onOpened = undefined
    this.#timer = setInterval(() => void this.#watch(), WATCH_MS)
  }

  status(): IngestStatus {
    const { reception, feeder } = this.#parts
    return {
      ...this.#collected,
      receiver: reception.counts,
      kernelDrops: this.#kernelDrops.reduce((sum, drops) => sum + drops, 0),
      sockets: reception.sockets.map(({ url, receiveBufferBytes }, index) => {
        return { address: url, receiveBufferBytes, kernelDrops: this.#kernelDrops[index] ?? 0 }
      }),
      waitingChunks: feeder.waiting,
      logBytes: this.#logBytes,
      unlogged: feeder.unlogged,
      spoolFailure: feeder.failure ?? this.#collected.spoolFailure,
      receiverFull: reception.isFull,
      opened: this.#recovered !== undefined,
      recovered: this.#recovered ?? 0,
    }
  }

  reload(settings: IngestSettings): void {
    checkSettings(settings, this.#system)
    this.#parts.reception.allow(settings.allow ?? [])
    this.#host?.send({ type: 'reload', settings: collectorSettings(settings) })
  }

  stop(): Promise<IngestStatus> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #createHost(): Promise<CollectorHost> {
    const { pool, feeder } = this.#parts
    const { store, endpoint, collector, spool, spoolBudgetBytes = BUDGET_BYTES, keepDatagrams = false } = this.#options
    const options: OpenCollectorOptions = {
      ...collectorSettings(this.#options),
      collector,
      keepDatagrams,
      spoolFolder: spool,
      logFile: feeder.logFile,
      budgetBytes: spoolBudgetBytes,
    }
    const onMessage = (message: FromCollector): void => this.#message(message)
    const script = this.#options.inline ? undefined : workerScript('ingest-worker')
    if (script && typeof store === 'string' && isShareable(store)) {
      return workerHost(script, options, pool, { url: store, endpoint }, onMessage)
    }
    const open = typeof store === 'string' ? await openStore(store, { endpoint, system: this.#system }) : store
    return inlineHost(options, pool, open, this.#system, onMessage)
  }

  #message(message: FromCollector): void {
    switch (message.type) {
      case 'opened':
        this.#recovered = message.recovered
        this.#onOpened?.resolve()
        break
      case 'consumed':
        this.#parts.feeder.consumed(message.chunk)
        break
      case 'status':
        this.#collected = message.status
        break
      case 'warning':
        this.#options.onWarning?.(message.message)
        break
      case 'stopped':
        this.#collected = message.status
        this.#onStopped?.resolve(message.committed)
        break
      case 'fatal':
        this.#fail(message.error)
        break
    }
  }

  #fail(plain: PlainError): void {
    const error = toError(plain)
    if (this.#onOpened) this.#onOpened.reject(error)
    else if (this.#onStopped) this.#onStopped.reject(error)
    else {
      void this.#close()
      this.#options.onFatal?.(error)
    }
  }

  /** Asks the kernel what it dropped, and keeps the log within its budget. */
  async #watch(): Promise<void> {
    const { spool, spoolBudgetBytes = BUDGET_BYTES } = this.#options
    const { reception, feeder } = this.#parts
    for (const [index, bound] of reception.sockets.entries()) {
      const more = (kernelDrops(bound) ?? 0) - (this.#kernelDrops[index] ?? 0)
      if (more <= 0) continue
      this.#kernelDrops[index]! += more
      this.#host?.send({ type: 'dropped', port: bound.port, datagrams: more })
    }
    const { dropped } = reception.counts
    if (dropped > this.#queueDrops) {
      this.#host?.send({ type: 'dropped', port: 0, datagrams: dropped - this.#queueDrops })
      this.#queueDrops = dropped
    }
    if (spool === undefined) return
    await feeder.recheck()
    this.#logBytes = logBytes(spool)
    reception.isFull = this.#logBytes > spoolBudgetBytes
  }

  async #stop(): Promise<IngestStatus> {
    const { reception } = this.#parts
    await reception.quiet()
    await this.#watch()
    await reception.close()
    try {
      if (this.#recovered !== undefined) await this.#commit()
      else this.#leave()
    } finally {
      await this.#close()
    }
    return this.status()
  }

  /** A store that has never answered leaves everything in the log, for the next start; without a log it is lost. */
  #leave(): void {
    const { received } = this.#parts.reception.counts
    if (this.#options.spool !== undefined || received === 0) return
    throw new IngestError(
      'uncommitted',
      `ingest: store expected to answer before the end, got none of ${received} datagrams`,
    )
  }

  async #commit(): Promise<void> {
    await this.#parts.feeder.drain(() => this.#collected.blocked)
    const committed = await new Promise<boolean>((resolve, reject) => {
      this.#onStopped = { resolve, reject }
      this.#host?.send({ type: 'stop' })
    })
    if (committed) return
    const { waiting, waitingBytes } = this.#collected.outbox
    if (this.#options.spool === undefined) {
      throw new IngestError(
        'uncommitted',
        `ingest: store expected to take the last flows, got none of ${waitingBytes} bytes`,
      )
    }
    this.#options.onWarning?.(
      waiting > 0
        ? `ingest: ${waiting} ${waiting === 1 ? 'roll waits' : 'rolls wait'} in the spool for the next start (${waitingBytes} bytes)`
        : 'ingest: the spool has no room for a checkpoint; its log is decoded again by the next start',
    )
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#metrics?.close()
    const { reception, feeder, unlock } = this.#parts
    await reception.close()
    await feeder.close()
    await this.#host?.close()
    unlock()
  }
}
