import { type ExporterAddress, parseExporter } from './decode/exporter-address.ts'
import { IngestError } from './error.ts'
import { fileSummary, type ImportSummary } from './import-summary.ts'
import { fileWarnings } from './import-warnings.ts'
import { type ImportTarget, ImportWork } from './import-work.ts'
import { type FileState, fileState, isSameState } from './input/file-state.ts'
import { readDatagrams } from './input/read.ts'

export interface ImportOptions extends ImportTarget {
  /** Paths; read in this order, with one template cache. */
  readonly files: readonly string[]
  /** Who is said to have sent datagrams of files without addresses; default 192.0.2.1. */
  readonly exporter?: string
}

/** A file of so many bytes takes longer to read than a thread to start. */
const LARGE_BYTES = 16n << 20n

const DEFAULT_EXPORTER = '192.0.2.1'

/**
 * Decodes files into the dataset `flows`, in one commit: either all of it becomes visible or nothing. A file is known again by its content and
 * refused the second time (IngestError `already-imported`) unless `again`; so one that changes meanwhile is refused as well (`changed`). Throws IngestError for files
 * that cannot be read whole, StorageError for what the store refuses.
 */
export async function importFiles(options: ImportOptions): Promise<ImportSummary> {
  const exporter = exporterOf(options.exporter ?? DEFAULT_EXPORTER)
  const { files } = options
  const states = await Promise.all(files.map(fileState))
  const isLarge = states.some((state) => state !== undefined && state.sizeBytes >= LARGE_BYTES)
  const work = new ImportWork(options, { isLarge })
  try {
    for (const [index, file] of files.entries()) {
      await importFile(work, file, exporter, states[index])
    }
    return await work.commit()
  } catch (error) {
    await work.discard()
    throw error
  } finally {
    work.close()
  }
}

async function importFile(
  work: ImportWork,
  file: string,
  exporter: ExporterAddress,
  state: FileState | undefined,
): Promise<void> {
  const before = work.counters()
  const { datagram: onDatagram, run: onRun, memory } = work
  const facts = await readDatagrams(file, {
    exporter,
    onDatagram,
    onRun,
    memory,
    pause: () => work.pause(),
  })
  // What somebody adds to would be imported once more, under the hash that it has then.
  if (!isSameState(state, await fileState(file))) throw changed(file)
  const after = work.counters()
  const source = { name: file, transaction: `import:${facts.sha256}` }
  await work.done(source, fileSummary(file, facts.kind, before, after), fileWarnings(file, facts, before, after))
}

function changed(path: string): IngestError {
  const message = `import: ${path} expected to stay as it is while it is read, got a change; import it once nobody writes to it`
  return new IngestError('changed', message, { path })
}

function exporterOf(text: string): ExporterAddress {
  const exporter = parseExporter(text)
  if (exporter) return exporter
  throw new IngestError('bad-option', `import: exporter expected an address, got ${text}`, { option: 'exporter' })
}
