import type { ColumnSpec } from '../../flow/column.ts'
import { regionBytes } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels } from '../../kernels/pool.ts'
import { COMPRESS_TABLE_BYTES, maxCompressedBytes } from '../../kernels/snappy-compress.ts'
import { CRC_BYTES } from './codec.ts'
import type { EncodeOperation } from './encode-program.ts'
import { FLAGS_OPERAND, NULLABLE, OPERATION_BYTES, setMarks } from './encode-program.ts'

/** Readable bytes behind each part; offsets have one more than rows. */
export const PART_SLACK = 16

/** Where an encoder keeps what its kernels work on, in one memory of theirs. */
export interface Layout {
  readonly instance: KernelInstance
  readonly programAt: number
  readonly columnsAt: number
  readonly columnsBytes: number
  readonly dataAt: number
  readonly dataBytes: number
  readonly plainAt: number
  readonly plainBytes: number
  readonly packedAt: number
  readonly tableAt: number
  /** Where each row begins, and in it each marked field. */
  readonly startsAt: number
  readonly marksAt: number
}

/** What there shall be room for: rows, text and bytes, and how many fields are marked. */
export interface Room {
  readonly plainBytes: number
  readonly dataBytes: number
  readonly marks: number
}

/** Bytes of kernel memory that a layout takes. */
export function layoutBytes(
  operations: readonly EncodeOperation[],
  specs: readonly ColumnSpec[],
  maxRows: number,
  room: Room,
): number {
  return sizesOf(operations, specs, maxRows, room).reduce((sum, size) => sum + regionBytes(size), 0)
}

/** Of each part of a layout, in the order in which they lie there. */
function sizesOf(
  operations: readonly EncodeOperation[],
  specs: readonly ColumnSpec[],
  maxRows: number,
  { plainBytes, dataBytes, marks }: Room,
): number[] {
  const programBytes = (operations.length + 1) * OPERATION_BYTES
  const columnsBytes = partsOf(operations, specs).reduce((sum, { bytes }) => sum + maxRows * bytes + PART_SLACK, 0)
  const packedBytes = maxCompressedBytes(plainBytes) + CRC_BYTES
  const placesBytes = [maxRows * 4, maxRows * 2 * marks]
  return [programBytes, columnsBytes, dataBytes, plainBytes, packedBytes, COMPRESS_TABLE_BYTES, ...placesBytes]
}

/** Lays out memory for so many bytes of rows, that of `beside` where it is enough, and writes the program of the kernel. */
export function layOut(
  operations: readonly EncodeOperation[],
  specs: readonly ColumnSpec[],
  maxRows: number,
  room: Room,
  beside?: KernelInstance,
): Layout {
  const sizes = sizesOf(operations, specs, maxRows, room)
  const [programBytes = 0, columnsBytes = 0] = sizes
  const instance = borrowKernels(layoutBytes(operations, specs, maxRows, room), beside)
  const [programAt = 0, columnsAt = 0, dataAt = 0, plainAt = 0, packedAt = 0, tableAt = 0, startsAt = 0, marksAt = 0] =
    sizes.map((size) => instance.memory.allocate(size))
  const program = new DataView(instance.memory.memory.buffer, programAt, programBytes)
  instance.memory.bytes(programAt, programBytes).fill(0)
  let partAt = columnsAt
  for (const { operation, nullable, bytes, operand } of partsOf(operations, specs)) {
    const at = operation * OPERATION_BYTES
    program.setUint32(at, operations[operation]!.code, true)
    program.setUint32(at + FLAGS_OPERAND, nullable ? NULLABLE : 0, true)
    program.setUint32(at + operand, partAt, true)
    operations[operation]!.limits?.(program, at)
    partAt += maxRows * bytes + PART_SLACK
  }
  if (room.marks > 0) setMarks(operations, program)
  const places = { programAt, columnsAt, dataAt, plainAt, packedAt, tableAt, startsAt, marksAt }
  const { plainBytes, dataBytes } = room
  return { instance, columnsBytes, dataBytes, plainBytes, ...places }
}

/** The arrays in kernel memory, in order: of each column its validity, when it is nullable, then its parts. */
function partsOf(operations: readonly EncodeOperation[], specs: readonly ColumnSpec[]) {
  return operations.flatMap(({ parts }, operation) => {
    const { nullable = false } = specs[operation]!
    const valid = nullable ? [{ bytes: 1, operand: 4 }] : []
    return [...valid, ...parts].map(({ bytes, operand }) => ({ operation, nullable, bytes, operand }))
  })
}
