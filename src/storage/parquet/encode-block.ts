import type { ColumnSpec } from '../../flow/column.ts'
import type { Leaf } from './leaves.ts'
import { leavesOf } from './leaves.ts'
import type { RowGroup } from './metadata.ts'
import { writeFooter } from './metadata.ts'
import type { EncodedGroup } from './row-group-encoder.ts'

const MAGIC = new TextEncoder().encode('PAR1')

/** Puts a Parquet file together from its row groups (apache/parquet-format). */
export class ParquetEncoder {
  readonly #leaves: readonly Leaf[]
  readonly #schema: string
  readonly #parts: Uint8Array[] = [MAGIC]
  readonly #groups: RowGroup[] = []
  #sizeBytes = MAGIC.length

  /** `schema` is the Avro schema as JSON text; it goes into the file's properties for readers that want the field docs. */
  constructor({ columns, schema }: { columns: readonly ColumnSpec[]; schema: string }) {
    this.#leaves = leavesOf(columns)
    this.#schema = schema
  }

  /** Appends a row group; returns its byte range. */
  add({ rows, bytes, columns }: EncodedGroup): { offset: number; length: number } {
    const base = this.#sizeBytes
    this.#groups.push({
      rows,
      columns: columns.map((chunk) => ({
        ...chunk,
        offset: base + chunk.offset,
        dataOffset: base + chunk.dataOffset,
      })),
    })
    this.#parts.push(bytes)
    this.#sizeBytes += bytes.length
    return { offset: base, length: bytes.length }
  }

  /** Ends the file, which is these pieces one behind the other; the encoder is done. */
  finish(): Uint8Array[] {
    const footer = writeFooter(this.#leaves, this.#groups, { 'avro.schema': this.#schema })
    const length = new Uint8Array(Uint32Array.of(footer.length).buffer)
    return [...this.#parts, Buffer.concat([footer, length, MAGIC])]
  }
}
