import { StorageError } from '../storage/errors.ts'
import type { Action, Commit } from '../storage/manifest/actions.ts'
import type { Manifest } from '../storage/manifest/manifest.ts'
import type { Snapshot } from '../storage/manifest/snapshot.ts'
import type { ObjectStore } from '../storage/store.ts'
import type { System } from '../storage/system.ts'
import type { DecodeCounters } from './decode/counters.ts'
import { createDecoder, type Decoder } from './decode/decoder.ts'
import { elementColumns } from './decode/elements.ts'
import { type ExporterAddress, parseExporter } from './decode/exporter-address.ts'
import type { DecoderOptions } from './decode/options.ts'
import { FILE_BUDGETS } from './decode/options.ts'
import { IngestError } from './error.ts'
import { FLOWS_DATASET, FlowOutput } from './flow-output.ts'
import { fileSummary, type ImportSummary } from './import-summary.ts'
import { fileWarnings, givenUpWarning } from './import-warnings.ts'
import { readDatagrams } from './input/read.ts'
import { Uploads } from './uploads.ts'

export interface ImportOptions {
  /** Paths; read in this order, with one template cache. */
  readonly files: readonly string[]
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
  /** Default 64 MB. */
  readonly blockSizeBytes?: number
  /** Who is said to have sent datagrams of files without addresses; default 192.0.2.1. */
  readonly exporter?: string
  /** Import files that have been imported before once more. */
  readonly again?: boolean
  readonly decoder?: DecoderOptions
  /** Called now and then with the flows decoded so far. */
  readonly onProgress?: (flows: number) => void
}

const BLOCK_BYTES = 64_000_000
const DEFAULT_EXPORTER = '192.0.2.1'
const COLLECTOR = 'import'

/**
 * Decodes files into the dataset `flows`, in one commit: either all of it becomes visible or nothing. A file is known again by its content and
 * refused the second time (IngestError `already-imported`) unless `again`. Throws IngestError for files that cannot be read whole, StorageError
 * for what the store refuses.
 */
export async function importFiles(options: ImportOptions): Promise<ImportSummary> {
  const { files, store, system } = options
  const exporter = exporterOf(options.exporter ?? DEFAULT_EXPORTER)
  const uploads = new Uploads({ store, system, collector: COLLECTOR })
  try {
    const work = new ImportWork(options, exporter, uploads)
    for (const file of files) await work.read(file)
    return await work.commit()
  } catch (error) {
    await uploads.discard()
    throw error
  }
}

/** A file that has been read. */
interface ReadFile {
  readonly file: string
  /** Who makes the transaction by which the file is known again. */
  readonly transaction: string
}

class ImportWork {
  readonly #options: ImportOptions
  readonly #exporter: ExporterAddress
  readonly #decoder: Decoder
  readonly #output: FlowOutput
  readonly #uploads: Uploads
  readonly #files: ReadFile[] = []
  readonly #summaries: ImportSummary['files'][number][] = []
  readonly #warnings: string[] = []

  constructor(options: ImportOptions, exporter: ExporterAddress, uploads: Uploads) {
    this.#options = options
    this.#exporter = exporter
    const { blockSizeBytes = BLOCK_BYTES, decoder = {} } = options
    this.#decoder = createDecoder({ ...decoder, budgets: { ...FILE_BUDGETS, ...decoder.budgets } })
    this.#output = new FlowOutput({
      blockSizeBytes,
      elements: elementColumns(decoder.elements ?? [], decoder.definitions),
    })
    this.#uploads = uploads
  }

  async read(file: string): Promise<void> {
    const before = this.#decoder.counters()
    const facts = await readDatagrams(file, {
      exporter: this.#exporter,
      onDatagram: (bytes, exporter, sourcePort, receivedMs) => {
        this.#decoder.datagram(bytes, { exporter, sourcePort, receivedMs }, this.#output)
      },
      pause: () => this.#pause(),
    })
    await this.#known({ file, transaction: `import:${facts.sha256}` })
    const after = this.#decoder.counters()
    this.#summaries.push(fileSummary(file, facts, before, after))
    this.#warnings.push(...fileWarnings(file, facts, before, after))
  }

  async commit(): Promise<ImportSummary> {
    const decoder = this.#decoder
    decoder.abandonParked()
    for (const block of this.#output.finish()) this.#uploads.add(block)
    const blocks = await this.#uploads.actions()
    const commit = await this.#publish(blocks)
    const counters: DecodeCounters = decoder.counters()
    return {
      files: this.#summaries,
      ledger: decoder.sessions().map(({ exporter, sourcePort, version, domain, unit, received, lost, restarts }) => ({
        exporter,
        sourcePort,
        version,
        domain,
        unit,
        received,
        lost,
        restarts,
      })),
      blocks: this.#uploads.blocks,
      commit: commit.header.version,
      warnings: [...this.#warnings, ...givenUpWarning(counters)],
    }
  }

  /** Hands full blocks to the store and waits while it is behind. */
  async #pause(): Promise<void> {
    this.#options.onProgress?.(this.#decoder.counters().flows)
    for (const block of this.#output.take()) this.#uploads.add(block)
    await this.#uploads.room()
  }

  /** Refuses a file that has been imported before, in this command or an earlier one. */
  async #known(read: ReadFile): Promise<void> {
    const { again = false, manifest } = this.#options
    const twin = this.#files.find(({ transaction }) => transaction === read.transaction)
    this.#files.push(read)
    if (again) return
    if (twin) throw alreadyImported(read.file, `the same content as ${twin.file}`)
    const snapshot = await manifest.snapshot()
    if ((await snapshot.transaction(read.transaction)) >= 0)
      throw alreadyImported(read.file, 'one that was imported before')
  }

  async #publish(blocks: readonly Action[]): Promise<Commit> {
    const { manifest, again = false } = this.#options
    const ledger: Action = { type: 'addLedger', dataset: FLOWS_DATASET, entries: this.#decoder.drainLedger() }
    const actions = async (snapshot: Snapshot): Promise<readonly Action[]> => [
      { type: 'addDataset', dataset: FLOWS_DATASET },
      ...blocks,
      ledger,
      ...(await this.#transactions(snapshot, again)),
    ]
    try {
      return await manifest.commit({ operation: 'import', writer: COLLECTOR, actions })
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== 'duplicate-transaction') throw error
      const file = this.#files.find(({ transaction }) => transaction === error.details.writer)?.file ?? 'a file'
      throw alreadyImported(file, 'one that another command imported meanwhile', error)
    }
  }

  /** One transaction per content; `again` takes the next number. */
  async #transactions(snapshot: Snapshot, again: boolean): Promise<Action[]> {
    const writers = new Set(this.#files.map(({ transaction }) => transaction))
    const actions: Action[] = []
    for (const writer of writers) {
      const sequence = again ? (await snapshot.transaction(writer)) + 1 : 0
      actions.push({ type: 'setTransaction', writer, sequence })
    }
    return actions
  }
}

function alreadyImported(file: string, got: string, cause?: unknown): IngestError {
  const message = `import: ${file} expected a file not imported yet, got ${got}; --again imports it once more`
  return new IngestError('already-imported', message, { file }, cause)
}

function exporterOf(text: string): ExporterAddress {
  const exporter = parseExporter(text)
  if (exporter) return exporter
  throw new IngestError('bad-option', `import: exporter expected an address, got ${text}`, { option: 'exporter' })
}
