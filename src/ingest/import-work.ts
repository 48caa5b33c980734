import { availableParallelism } from 'node:os'
import { StorageError } from '../storage/errors.ts'
import type { Action, Commit } from '../storage/manifest/actions.ts'
import type { Manifest } from '../storage/manifest/manifest.ts'
import type { Snapshot } from '../storage/manifest/snapshot.ts'
import type { ObjectStore } from '../storage/store.ts'
import type { System } from '../storage/system.ts'
import type { DecodeCounters } from './decode/counters.ts'
import { createDecoder, type Decoder } from './decode/decoder.ts'
import { elementColumns } from './decode/elements.ts'
import { type DecoderOptions, FILE_BUDGETS } from './decode/options.ts'
import { IngestError } from './error.ts'
import { FLOWS_DATASET, FlowOutput } from './flow-output.ts'
import type { FileSummary, ImportSummary } from './import-summary.ts'
import { givenUpWarning } from './import-warnings.ts'
import type { DatagramHandler } from './input/datagram.ts'
import type { PacketRun } from './input/packet.ts'
import { WINDOW_BYTES } from './input/window.ts'
import { Uploads } from './uploads.ts'

/** What every import is given, whatever it reads. */
export interface ImportTarget {
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
  /** Default 64 MB. */
  readonly blockSizeBytes?: number
  /** Threads that encode beside the one that reads and decodes; default: what the processors leave, at most 2. The blocks are the same for any number. */
  readonly workers?: number
  /** Import once more what has been imported before. */
  readonly again?: boolean
  readonly decoder?: DecoderOptions
  /** Called now and then with the flows decoded so far. */
  readonly onProgress?: (flows: number) => void
}

/** Something read: a file, or the datagrams of a dataset. */
export interface ImportedSource {
  readonly name: string
  /** Who makes the transaction by which it is known again. */
  readonly transaction: string
}

/** From where, and where to. */
export interface ImportedPlaces {
  /** Default `flows`. */
  readonly dataset?: string
  /** Large files are about to be read. */
  readonly isLarge?: boolean
}

/** What is committed beside blocks and transactions. */
export interface ImportCommit {
  /** Actions in front of the blocks, made anew for each try. */
  readonly before?: (snapshot: Snapshot) => Promise<readonly Action[]>
  /** Also commit what the sequence numbers say; default true. */
  readonly ledger?: boolean
}

export const BLOCK_BYTES = 64_000_000
const COLLECTOR = 'import'

const defaultWorkers = (): number => Math.min(2, availableParallelism() - 1)

/** An import under way: decodes datagrams, stores full blocks as they come, and commits all of them at once at the end. */
export class ImportWork {
  readonly #target: ImportTarget
  readonly #dataset: string
  readonly #decoder: Decoder
  readonly #output: FlowOutput
  readonly #uploads: Uploads
  readonly #sources: ImportedSource[] = []
  readonly #summaries: FileSummary[] = []
  readonly #warnings: string[] = []

  constructor(target: ImportTarget, { dataset = FLOWS_DATASET, isLarge = false }: ImportedPlaces = {}) {
    const { store, system, blockSizeBytes = BLOCK_BYTES, decoder = {}, workers = defaultWorkers() } = target
    this.#target = target
    this.#dataset = dataset
    this.#decoder = createDecoder({ ...decoder, budgets: { ...FILE_BUDGETS, ...decoder.budgets } })
    const elements = elementColumns(decoder.elements ?? [], decoder.definitions)
    this.#uploads = new Uploads({ store, system, collector: COLLECTOR })
    this.#output = new FlowOutput({
      ...{ dataset, blockSizeBytes, elements, workers, isLarge },
      inputs: [WINDOW_BYTES, WINDOW_BYTES],
      begin: this.#uploads.begin,
    })
  }

  /** Memory to read into, for `run`. */
  get memory(): readonly Uint8Array[] | undefined {
    return this.#output.intake?.inputs
  }

  /** Decodes one datagram. */
  readonly datagram: DatagramHandler = (bytes, exporter, sourcePort, receivedMs) => {
    this.#decoder.datagram(bytes, { exporter, sourcePort, receivedMs }, this.#output)
  }

  /** Decodes many datagrams at once. */
  readonly run: PacketRun = (frames) => this.#decoder.datagrams(frames, this.#output)

  counters(): DecodeCounters {
    return this.#decoder.counters()
  }

  /** Hands full blocks to the store and waits while it is behind. */
  async pause(): Promise<void> {
    this.#target.onProgress?.(this.#decoder.counters().flows)
    for (const block of this.#output.take()) this.#uploads.add(block)
    await this.#uploads.room()
  }

  /** Notes what has been read. Throws IngestError `already-imported` when that was done before, by this import or an earlier one. */
  async done(source: ImportedSource, summary: FileSummary, warnings: readonly string[]): Promise<void> {
    const { again = false, manifest } = this.#target
    const twin = this.#sources.find(({ transaction }) => transaction === source.transaction)
    this.#sources.push(source)
    this.#summaries.push(summary)
    this.#warnings.push(...warnings)
    if (again) return
    if (twin) throw alreadyImported(source.name, `the same content as ${twin.name}`)
    const snapshot = await manifest.snapshot()
    if ((await snapshot.transaction(source.transaction)) >= 0) {
      throw alreadyImported(source.name, 'one that was imported before')
    }
  }

  async commit(beside: ImportCommit = {}): Promise<ImportSummary> {
    const decoder = this.#decoder
    decoder.abandonParked()
    for (const block of this.#output.finish()) this.#uploads.add(block)
    // While the last block is on its way; what fails here fails again with the commit.
    const prepared = this.#target.manifest.prepare().catch(() => undefined)
    const blocks = await this.#uploads.actions().finally(() => prepared)
    const commit = await this.#publish(blocks, beside)
    const ledger = decoder
      .sessions()
      .map(({ exporter, sourcePort, version, domain, unit, received, lost, restarts }) => {
        return { exporter, sourcePort, version, domain, unit, received, lost, restarts }
      })
    return {
      files: this.#summaries,
      ledger,
      blocks: this.#uploads.blocks,
      commit: commit.header.version,
      warnings: [...this.#warnings, ...givenUpWarning(decoder.counters())],
    }
  }

  /** Ends the threads; always due. */
  close(): void {
    this.#output.close()
  }

  /** Removes what has been stored: the import failed. */
  discard(): Promise<void> {
    return this.#uploads.discard()
  }

  async #publish(blocks: readonly Action[], { before, ledger = true }: ImportCommit): Promise<Commit> {
    const dataset = this.#dataset
    const entries = ledger ? this.#decoder.drainLedger() : []
    const actions = async (snapshot: Snapshot): Promise<readonly Action[]> => [
      { type: 'addDataset', dataset },
      ...((await before?.(snapshot)) ?? []),
      ...blocks,
      { type: 'addLedger', dataset, entries },
      ...(await this.#transactions(snapshot)),
    ]
    try {
      return await this.#target.manifest.commit({ operation: 'import', writer: COLLECTOR, actions })
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== 'duplicate-transaction') throw error
      const name = this.#sources.find(({ transaction }) => transaction === error.details.writer)?.name ?? 'a file'
      throw alreadyImported(name, 'one that another command imported meanwhile', error)
    }
  }

  /** One transaction per content; `again` takes the next number. */
  async #transactions(snapshot: Snapshot): Promise<Action[]> {
    const writers = new Set(this.#sources.map(({ transaction }) => transaction))
    const actions: Action[] = []
    for (const writer of writers) {
      const sequence = this.#target.again ? (await snapshot.transaction(writer)) + 1 : 0
      actions.push({ type: 'setTransaction', writer, sequence })
    }
    return actions
  }
}

function alreadyImported(name: string, got: string, cause?: unknown): IngestError {
  const message = `import: ${name} expected a file not imported yet, got ${got}; --again imports it once more`
  return new IngestError('already-imported', message, { file: name }, cause)
}
