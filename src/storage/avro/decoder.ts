import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { RowSlots } from '../../kernels/avro-rows.ts'
import { decodeRows, FAULT } from '../../kernels/avro-rows.ts'
import { kernelFault } from '../../kernels/codes.ts'
import { SLACK } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels, returnKernels } from '../../kernels/pool.ts'
import type { AvroCodec } from './codec.ts'
import { checkCrc, corrupt, decompress, openSnappy } from './codec.ts'
import { fillColumn, fillDefault } from './fill.ts'
import type { RowProgram } from './program.ts'
import { compileProgram } from './program.ts'
import { parseAvroRecord } from './type.ts'

/** Room for a packed and a plain sync-block of the usual size; a larger one takes a larger instance. */
const USUAL_BYTES = 1 << 20

/**
 * Unpacks sync-blocks into kernel memory and decodes the wanted columns of their rows into one batch, which is used again for every call.
 * Programs with nested values are walked by the TypeScript twin, over the same memory. `close` gives the memory back.
 */
export class RowDecoder {
  readonly batch: Batch
  readonly #program: RowProgram
  #lent: Layout | undefined
  /** Bytes of the sync-block at hand. */
  #plainLength = 0

  /** Throws `bad-schema` when rows of the writer's schema can never fit the columns. */
  constructor(writerSchema: unknown, columns: readonly ColumnSpec[], capacity: number) {
    this.#program = compileProgram(parseAvroRecord(writerSchema), columns)
    this.batch = createBatch(columns, capacity)
    for (const spec of this.#program.missing) fillDefault(this.batch.columns[spec.name]!, spec, capacity)
  }

  /** Unpacks and checks a sync-block and returns the length of its plain bytes. Throws `corrupt`. */
  load(codec: AvroCodec, data: Uint8Array): number {
    if (codec === 'snappy') this.#loadSnappy(data)
    else {
      const plain = decompress(codec, data)
      const { instance, plainAt } = this.#layout(0, plain.length)
      instance.memory.bytes(plainAt, plain.length).set(plain)
      this.#plainLength = plain.length
    }
    const { instance, plainAt } = this.#layout(0, 0)
    instance.memory.bytes(plainAt + this.#plainLength, SLACK).fill(0)
    return this.#plainLength
  }

  /** Decodes `rows` rows (at most the batch's capacity) that begin at byte `at` and returns where they end. Throws `corrupt`. */
  decode(at: number, rows: number): number {
    const { instance, plainAt, programAt, slots, slotsAt } = this.#layout(0, 0)
    slots.present.fill(1)
    const plain = instance.memory.bytes(plainAt, this.#plainLength)
    const next = this.#program.isFlat
      ? instance.kernels.avroRows(
          programAt,
          plainAt,
          plainAt + at,
          plainAt + this.#plainLength,
          rows,
          slots.stride,
          slotsAt.numbers,
          slotsAt.positions,
          slotsAt.lengths,
          slotsAt.present,
        )
      : decodeRows(this.#program.code, plain, at, plain.length, rows, slots)
    if (next < 0) throw corrupt(...(FAULTS[next] ?? ['rows', 'none']))
    for (const [slot, read] of this.#program.reads.entries()) {
      fillColumn(this.batch.columns[read.spec.name]!, read, slot, rows, plain, slots)
    }
    this.batch.length = rows
    return this.#program.isFlat ? at + next : next
  }

  close(): void {
    if (this.#lent) returnKernels(this.#lent.instance)
    this.#lent = undefined
  }

  #loadSnappy(data: Uint8Array): void {
    const { body, crc, plainLength } = openSnappy(data)
    const { instance, packedAt, plainAt } = this.#layout(body.length, plainLength)
    instance.memory.bytes(packedAt, body.length).set(body)
    const written = instance.kernels.snappyDecompress(packedAt, body.length, plainAt, plainLength)
    if (written < 0) throw corrupt('snappy data', kernelFault(written))
    checkCrc(instance.memory.bytes(plainAt, written), crc)
    this.#plainLength = written
  }

  /** The places in kernel memory, moved to a larger instance when a sync-block needs one. */
  #layout(packedLength: number, plainLength: number): Layout {
    const lent = this.#lent
    if (lent && packedLength <= lent.packedLength && plainLength <= lent.plainLength) return lent
    this.close()
    this.#lent = layOut(
      this.#program,
      this.batch.capacity,
      Math.max(packedLength, USUAL_BYTES),
      Math.max(plainLength, USUAL_BYTES),
    )
    return this.#lent
  }
}

interface Layout {
  readonly instance: KernelInstance
  readonly programAt: number
  readonly packedAt: number
  readonly packedLength: number
  readonly plainAt: number
  readonly plainLength: number
  readonly slots: RowSlots
  readonly slotsAt: {
    readonly numbers: number
    readonly positions: number
    readonly lengths: number
    readonly present: number
  }
}

function layOut(program: RowProgram, stride: number, packedLength: number, plainLength: number): Layout {
  const entries = program.reads.length * stride
  const instance = borrowKernels(packedLength + plainLength + entries * 17 + program.code.byteLength + SLACK * 16)
  const { memory } = instance
  const { buffer } = memory.memory
  const programAt = memory.allocate(program.code.byteLength)
  new Int32Array(buffer, programAt, program.code.length).set(program.code)
  const slotsAt = {
    numbers: memory.allocate(entries * 8),
    positions: memory.allocate(entries * 4),
    lengths: memory.allocate(entries * 4),
    present: memory.allocate(entries),
  }
  const slots = {
    stride,
    numbers: new Float64Array(buffer, slotsAt.numbers, entries),
    positions: new Int32Array(buffer, slotsAt.positions, entries),
    lengths: new Int32Array(buffer, slotsAt.lengths, entries),
    present: memory.bytes(slotsAt.present, entries),
  }
  const packedAt = memory.allocate(packedLength)
  const plainAt = memory.allocate(plainLength)
  return { instance, programAt, packedAt, packedLength, plainAt, plainLength, slots, slotsAt }
}

const FAULTS: { readonly [fault: number]: readonly [expected: string, got: string] } = {
  [FAULT.end]: ['whole rows', 'the end within one'],
  [FAULT.varint]: ['varints of at most 64 bits', 'a longer one'],
  [FAULT.length]: ['a length within the data', 'another'],
  [FAULT.boolean]: ['a boolean of 0 or 1', 'another byte'],
  [FAULT.branch]: ['a branch of the union', 'another'],
  [FAULT.refused]: ['a value that the column can hold', 'null or another branch of the union'],
  [FAULT.depth]: ['at most 200 nested values', 'more'],
}
