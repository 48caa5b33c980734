import { isShareable, openStore } from '../../storage/open.ts'
import { realSystem, type System } from '../../storage/system.ts'
import { IngestError } from '../error.ts'
import { allowList } from './allow.ts'
import { checkFixed, checkSettings } from './check-options.ts'
import { CHUNK_BYTES, type ChunkWriter } from './chunk.ts'
import type { CollectorStatus } from './collector.ts'
import { Feeder } from './feeder.ts'
import { type CollectorHost, inlineHost, workerHost, workerScript } from './host.ts'
import { collectorSettings, type IngestDaemon, type IngestOptions, type IngestSettings } from './ingest-options.ts'
import { kernelDrops } from './kernel-drops.ts'
import { lockFolder } from './lock.ts'
import { logBytes } from './log.ts'
import type { FromCollector } from './messages.ts'
import { type MetricsServer, serveMetrics } from './metrics-server.ts'
import type { OpenCollectorOptions } from './open-collector.ts'
import { type PlainError, toError } from './plain-error.ts'
import { Receiver } from './receiver.ts'
import { bufferWarning, closeSockets, type ListeningSocket, listenOn, parseListen } from './sockets.ts'
import { EMPTY_STATUS, type IngestStatus } from './status.ts'

const RECEIVE_BUFFER_BYTES = 16 << 20
const BUDGET_BYTES = 4_000_000_000
const SPOOL_MS = 200
/** Chunks in memory between receiver and collector: 64 MB, and half as much on its way to the log. */
const MEMORY_CHUNKS = (64 << 20) / CHUNK_BYTES
const WATCH_MS = 500
/** A store that has not answered after this long is waited for in the background. */
const PATIENCE_MS = 1500

/**
 * Starts the ingest daemon: receives on all sockets at once, and stores. Throws IngestError for wrong options and addresses that cannot be bound,
 * StorageError when the store cannot be opened.
 */
export async function startIngest(options: IngestOptions): Promise<IngestDaemon> {
  const { receiveBufferBytes = RECEIVE_BUFFER_BYTES, onWarning } = options
  const addresses = options.listen.map(parseListen)
  if (addresses.length === 0) throw new IngestError('bad-listen', 'ingest: listen expected udp://host:port, got none')
  checkFixed(options)
  checkSettings(options, options.system ?? realSystem())
  const unlock = options.spool === undefined ? () => undefined : lockFolder(options.spool)
  const sockets: ListeningSocket[] = []
  try {
    for (const address of addresses) sockets.push(await listenOn(address, receiveBufferBytes))
    for (const socket of sockets) {
      const warning = bufferWarning(socket, receiveBufferBytes)
      if (warning) onWarning?.(warning)
    }
    const daemon = new Daemon(options, sockets, unlock)
    if (options.metrics !== undefined) await daemon.serveMetrics(options.metrics)
    await daemon.open().catch(async (error: unknown) => {
      await daemon.abandon()
      throw error
    })
    return daemon
  } catch (error) {
    await closeSockets(sockets)
    unlock()
    throw error
  }
}

class Daemon implements IngestDaemon {
  readonly addresses: readonly string[]
  readonly #options: IngestOptions
  readonly #system: System
  readonly #sockets: readonly ListeningSocket[]
  readonly #unlock: () => void
  readonly #receiver: Receiver
  readonly #feeder: Feeder
  readonly #timers: NodeJS.Timeout[] = []
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

  constructor(options: IngestOptions, sockets: readonly ListeningSocket[], unlock: () => void) {
    this.#options = options
    this.#system = options.system ?? realSystem()
    this.#sockets = sockets
    this.#unlock = unlock
    this.addresses = sockets.map(({ url }) => url)
    this.#kernelDrops = sockets.map(() => 0)
    const maxChunks = MEMORY_CHUNKS * 1.5
    const onChunk = (chunk: ChunkWriter): void => this.#feeder.add(chunk)
    const allow = allowList(options.allow ?? [])
    this.#receiver = new Receiver({ sockets, allow, system: this.#system, onChunk, maxChunks })
    this.#feeder = new Feeder({
      spoolFolder: options.spool,
      budgetBytes: options.spoolBudgetBytes ?? BUDGET_BYTES,
      memoryChunks: MEMORY_CHUNKS,
      feed: (item) => this.#host?.send({ type: 'feed', ...item }, item.buffer ? [item.buffer] : []),
      recycle: (buffer) => this.#receiver.recycle(buffer),
      onWarning: (message) => options.onWarning?.(message),
    })
  }

  get metricsUrl(): string | undefined {
    return this.#metrics?.url
  }

  async serveMetrics(listen: string): Promise<void> {
    this.#metrics = await serveMetrics(listen, () => this.status())
  }

  /** Gives up: it could not be opened. */
  abandon(): Promise<void> {
    return this.#close()
  }

  /** Opens the store; returns while a store that does not answer is waited for. */
  async open(): Promise<void> {
    const opened = new Promise<void>((resolve, reject) => {
      this.#onOpened = { resolve, reject }
    })
    this.#host = await this.#createHost()
    this.#feeder.begin()
    const patience = new AbortController()
    const waited = this.#system.sleep(PATIENCE_MS, patience.signal).catch(() => undefined)
    await Promise.race([opened, waited]).finally(() => patience.abort())
    this.#onOpened = undefined
    this.#timers.push(
      setInterval(() => this.#receiver.flush(), this.#options.spoolMs ?? SPOOL_MS),
      setInterval(() => void this.#watch(), WATCH_MS),
    )
  }

  status(): IngestStatus {
    return {
      ...this.#collected,
      receiver: { ...this.#receiver.counters },
      kernelDrops: this.#kernelDrops.reduce((sum, drops) => sum + drops, 0),
      sockets: this.#sockets.map(({ url, receiveBufferBytes }, index) => {
        return { address: url, receiveBufferBytes, kernelDrops: this.#kernelDrops[index] ?? 0 }
      }),
      waitingChunks: this.#feeder.waiting,
      logBytes: this.#logBytes,
      unlogged: this.#feeder.unlogged,
      spoolFailure: this.#feeder.failure ?? this.#collected.spoolFailure,
      receiverFull: this.#receiver.full,
      opened: this.#recovered !== undefined,
      recovered: this.#recovered ?? 0,
    }
  }

  reload(settings: IngestSettings): void {
    checkSettings(settings, this.#system)
    this.#receiver.allow(allowList(settings.allow ?? []))
    this.#host?.send({ type: 'reload', settings: collectorSettings(settings) })
  }

  stop(): Promise<IngestStatus> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #createHost(): Promise<CollectorHost> {
    const { store, endpoint, collector, spool, spoolBudgetBytes = BUDGET_BYTES, keepDatagrams = false } = this.#options
    const options: OpenCollectorOptions = {
      ...collectorSettings(this.#options),
      collector,
      keepDatagrams,
      spoolFolder: spool,
      logFile: this.#feeder.logFile,
      budgetBytes: spoolBudgetBytes,
    }
    const onMessage = (message: FromCollector): void => this.#message(message)
    const script = this.#options.inline ? undefined : workerScript()
    if (script && typeof store === 'string' && isShareable(store)) {
      return workerHost(script, options, { url: store, endpoint }, onMessage)
    }
    const open = typeof store === 'string' ? await openStore(store, { endpoint, system: this.#system }) : store
    return inlineHost(options, open, this.#system, onMessage)
  }

  #message(message: FromCollector): void {
    switch (message.type) {
      case 'opened':
        this.#recovered = message.recovered
        this.#onOpened?.resolve()
        break
      case 'consumed':
        this.#feeder.consumed(message.buffer)
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
    const drops = await kernelDrops(this.#sockets)
    for (const [index, { port }] of this.#sockets.entries()) {
      const more = (drops[index] ?? 0) - (this.#kernelDrops[index] ?? 0)
      if (more <= 0) continue
      this.#kernelDrops[index]! += more
      this.#host?.send({ type: 'dropped', port, datagrams: more })
    }
    const { dropped } = this.#receiver.counters
    if (dropped > this.#queueDrops) {
      this.#host?.send({ type: 'dropped', port: 0, datagrams: dropped - this.#queueDrops })
      this.#queueDrops = dropped
    }
    if (spool === undefined) return
    await this.#feeder.recheck()
    this.#logBytes = logBytes(spool)
    this.#receiver.full = this.#logBytes > spoolBudgetBytes
  }

  async #stop(): Promise<IngestStatus> {
    await this.#quiet()
    await this.#watch()
    await closeSockets(this.#sockets)
    this.#receiver.flush()
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
    const { received } = this.#receiver.counters
    if (this.#options.spool !== undefined || received === 0) return
    throw new IngestError(
      'uncommitted',
      `ingest: store expected to answer before the end, got none of ${received} datagrams`,
    )
  }

  async #commit(): Promise<void> {
    await this.#feeder.drain(() => this.#collected.blocked)
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

  /** Waits until the sockets have nothing more to give: what the kernel holds has been received too. */
  async #quiet(): Promise<void> {
    const { counters } = this.#receiver
    const seen = (): number => counters.received + counters.denied + counters.dropped
    for (let round = 0, before = -1; round < 50 && seen() !== before; round++) {
      before = seen()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#metrics?.close()
    await closeSockets(this.#sockets)
    await this.#feeder.close()
    await this.#host?.close()
    this.#unlock()
  }
}
