import { stat } from 'node:fs/promises'
import { type ExporterAddress, parseExporter } from './decode/exporter-address.ts'
import { IngestError } from './error.ts'
import { fileSummary, type ImportSummary } from './import-summary.ts'
import { fileWarnings } from './import-warnings.ts'
import { type ImportTarget, ImportWork } from './import-work.ts'
import { readDatagrams } from './input/read.ts'

export interface ImportOptions extends ImportTarget {
  /** Paths; read in this order, with one template cache. */
  readonly files: readonly string[]
  /** Who is said to have sent datagrams of files without addresses; default 192.0.2.1. */
  readonly exporter?: string
}

const LARGE_BYTES = 16 << 20

const DEFAULT_EXPORTER = '192.0.2.1'

/**
 * Decodes files into the dataset `flows`, in one commit: either all of it becomes visible or nothing. A file is known again by its content and
 * refused the second time (IngestError `already-imported`) unless `again`. Throws IngestError for files that cannot be read whole, StorageError
 * for what the store refuses.
 */
export async function importFiles(options: ImportOptions): Promise<ImportSummary> {
  const exporter = exporterOf(options.exporter ?? DEFAULT_EXPORTER)
  const work = new ImportWork(options, { files: await largeOf(options.files) })
  try {
    for (const file of options.files) await importFile(work, file, exporter)
    return await work.commit()
  } catch (error) {
    await work.discard()
    throw error
  } finally {
    work.close()
  }
}

/** The files that take longer to read than a thread to start. What cannot be read is told by who reads it. */
async function largeOf(files: readonly string[]): Promise<string[]> {
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return files.filter((_, index) => sizes[index]! >= LARGE_BYTES)
}

async function importFile(work: ImportWork, file: string, exporter: ExporterAddress): Promise<void> {
  const before = work.counters()
  const { datagram: onDatagram } = work
  const sha256 = work.sha256(file)
  const facts = await readDatagrams(file, {
    exporter,
    onDatagram,
    pause: () => work.pause(),
    ...(sha256 && { sha256 }),
  })
  const after = work.counters()
  const source = { name: file, transaction: `import:${facts.sha256}` }
  await work.done(source, fileSummary(file, facts.kind, before, after), fileWarnings(file, facts, before, after))
}

function exporterOf(text: string): ExporterAddress {
  const exporter = parseExporter(text)
  if (exporter) return exporter
  throw new IngestError('bad-option', `import: exporter expected an address, got ${text}`, { option: 'exporter' })
}
