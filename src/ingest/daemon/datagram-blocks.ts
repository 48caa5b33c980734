import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { AddressColumn, ColumnSpec, NumericColumn, VariableColumn } from '../../flow/column.ts'
import { BlockBuilder, type FinishedBlock } from '../block-builder.ts'
import type { ExporterAddress } from '../decode/exporter-address.ts'

export const DATAGRAMS_DATASET = 'datagrams'

/** The columns of the dataset `datagrams`: what came over the wire, so that it can be decoded again. */
export const DATAGRAM_COLUMNS: readonly ColumnSpec[] = [
  { name: 'received', type: 'instant' },
  { name: 'exporter', type: 'address' },
  { name: 'sourcePort', type: 'u16' },
  { name: 'payload', type: 'bytes' },
]

const BATCH_ROWS = 512
const BATCH_BYTES = 1 << 20

/** Gathers raw datagrams into blocks. */
export class DatagramBlocks {
  readonly #builder: BlockBuilder
  readonly #batch: Batch
  readonly #columns: DatagramColumns

  constructor(blockSizeBytes: number) {
    const columns = DATAGRAM_COLUMNS
    this.#builder = new BlockBuilder({ dataset: DATAGRAMS_DATASET, name: 'Datagram', columns, blockSizeBytes })
    this.#batch = createBatch(DATAGRAM_COLUMNS, BATCH_ROWS)
    this.#columns = datagramColumns(this.#batch)
    this.#columns.payload.data = new Uint8Array(BATCH_BYTES)
  }

  add(payload: Uint8Array, exporter: ExporterAddress, sourcePort: number, receivedMs: number): void {
    const columns = this.#columns
    const used = columns.payload.offsets[this.#batch.length]!
    if (this.#batch.length === BATCH_ROWS || used + payload.length > BATCH_BYTES) {
      this.#flush()
      this.add(payload, exporter, sourcePort, receivedMs)
      return
    }
    const row = this.#batch.length++
    columns.received.values[row] = receivedMs
    columns.exporter.family[row] = exporter.family
    columns.exporter.v4[row] = exporter.v4
    columns.exporter.v6.set(exporter.v6, row * 16)
    columns.sourcePort.values[row] = sourcePort
    columns.payload.data.set(payload, used)
    columns.payload.offsets[row + 1] = used + payload.length
  }

  get full(): boolean {
    return this.#builder.full
  }

  finish(): FinishedBlock[] {
    this.#flush()
    return this.#builder.finish()
  }

  #flush(): void {
    this.#builder.add(this.#batch)
    this.#batch.length = 0
  }
}

export interface DatagramColumns {
  readonly received: NumericColumn<'instant'>
  readonly exporter: AddressColumn
  readonly sourcePort: NumericColumn<'u16'>
  readonly payload: VariableColumn<'bytes'>
}

/** The columns of a batch of datagrams, typed. */
export function datagramColumns({ columns }: Batch): DatagramColumns {
  const { received, exporter, sourcePort, payload } = columns
  if (
    received?.type !== 'instant' ||
    exporter?.type !== 'address' ||
    sourcePort?.type !== 'u16' ||
    payload?.type !== 'bytes'
  ) {
    throw new TypeError('ingest: batch expected the columns of datagrams')
  }
  return { received, exporter, sourcePort, payload }
}
