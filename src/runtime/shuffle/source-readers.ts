import type { RunReader } from './run-reader.ts'
import type { RunSource } from './run-source.ts'
import { openSource } from './run-source.ts'

/** Files that may be open at once. */
const MOST = 128

/** Committed run files that are read again and again: opening one reads and checks its footer. The one that has been open longest makes room for another. */
export class SourceReaders {
  readonly #readers = new Map<string, RunReader>()

  of(source: RunSource): RunReader {
    const known = this.#readers.get(source.path)
    if (known) return known
    const reader = openSource(source)
    const [oldest] = this.#readers
    if (oldest && this.#readers.size >= MOST) {
      oldest[1].close()
      this.#readers.delete(oldest[0])
    }
    this.#readers.set(source.path, reader)
    return reader
  }

  close(): void {
    for (const reader of this.#readers.values()) reader.close()
    this.#readers.clear()
  }
}
