import type { Batch } from '../flow/batch.ts'

/** Where text goes: standard output, a file, or a test's buffer. */
export interface Output {
  /** Resolves when the reader can take more. */
  write(chunk: string | Uint8Array): Promise<void>
}

/** Prints result rows in one format, streaming: memory does not grow with the number of rows. */
export interface RowWriter {
  /** Prints the rows of a batch, or only those that `selection` numbers; the batch may be reused once the promise resolves. */
  add(batch: Batch, selection?: Uint32Array): Promise<void>
  /** Prints what comes after the last row. */
  finish(): Promise<void>
}

export type Format = 'table' | 'json' | 'ndjson' | 'csv'

export const FORMATS: readonly Format[] = ['table', 'json', 'ndjson', 'csv']

/** Collects text and hands it on in pieces of about 64 KB. */
export class TextBuffer {
  readonly #output: Output
  #parts: string[] = []
  #length = 0

  constructor(output: Output) {
    this.#output = output
  }

  push(text: string): void {
    this.#parts.push(text)
    this.#length += text.length
  }

  get full(): boolean {
    return this.#length >= 65_536
  }

  async flush(): Promise<void> {
    const text = this.#parts.join('')
    this.#parts = []
    this.#length = 0
    if (text !== '') await this.#output.write(text)
  }
}
