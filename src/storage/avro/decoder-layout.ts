import type { Batch } from '../../flow/batch.ts'
import { batchBytes, batchIn } from '../../flow/batch.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { NUMBER_RANGE } from '../../flow/value.ts'
import type { RowSlots, SlotTarget } from '../../kernels/avro-program.ts'
import { ROW_SLACK, TARGET, writeTarget } from '../../kernels/avro-program.ts'
import type { CompiledWalk, RowWalk } from '../../kernels/avro-walk.ts'
import { compileWalk, instantiateWalk } from '../../kernels/avro-walk.ts'
import { isShared, type KernelMemory, SLACK } from '../../kernels/memory.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { borrowKernels } from '../../kernels/pool.ts'
import type { RowDecoderOptions } from './decoder.ts'
import { fillDefault } from './fill.ts'
import type { ColumnRead, RowProgram } from './program.ts'

/** Where a decoder keeps things in kernel memory. */
export interface DecoderLayout {
  readonly instance: KernelInstance
  readonly batch: Batch
  readonly programAt: number
  readonly targetsAt: number
  readonly columnsAt: number
  readonly presentAt: number
  readonly packedAt: number
  readonly packedLength: number
  readonly plainAt: number
  readonly plainLength: number
  readonly slots: RowSlots
  /** The slots that the kernel does not store as columns. */
  readonly filled: readonly number[]
  /** The walk compiled for these rows; undefined when only the kernel knows what they have. */
  readonly walk: Walk | undefined
}

export interface Walk {
  readonly run: RowWalk
  /** Bytes that it may read from the start of a row on. */
  readonly reach: number
}

/** What the program of a usual schema takes. */
const USUAL_CODE_BYTES = 16 << 10

/** What is taken beside the sync-blocks, at most. */
export const layoutBytes = (columns: readonly ColumnSpec[], capacity: number, codeBytes = USUAL_CODE_BYTES): number =>
  columns.length * (capacity * 17 + TARGET.words * 4) +
  batchBytes(columns, capacity) +
  codeBytes +
  ROW_SLACK +
  24 * SLACK

/** Whether all that a program reads goes straight to the columns of a batch. */
export const areDirect = ({ isFlat, reads }: RowProgram, { columns }: Batch): boolean =>
  isFlat && reads.every((read) => columnTarget(read, columns[read.spec.name]!, 0) !== undefined)

/** Takes room for sync-blocks of these lengths; rows go to `place` when they stay there. */
export function layOut(
  program: RowProgram,
  { columns, capacity, kernels, place }: RowDecoderOptions,
  staysInPlace: boolean,
  packedLength: number,
  plainLength: number,
): DecoderLayout {
  const { code, reads, missing } = program
  const entries = reads.length * capacity
  const targetBytes = reads.length * TARGET.words * 4
  const blocks = packedLength + plainLength
  const instance = borrowKernels(blocks + layoutBytes(columns, capacity, code.byteLength), kernels)
  const { memory } = instance
  const { buffer } = memory.memory
  const programAt = memory.allocate(code.byteLength)
  new Int32Array(buffer, programAt, code.length).set(code)
  const targetsAt = memory.allocate(targetBytes)
  const { batch, columnsAt } =
    place && staysInPlace ? { batch: place, columnsAt: startOf(place) } : ownBatch(columns, capacity, memory)
  for (const spec of missing) fillDefault(batch.columns[spec.name]!, spec, batch.capacity)
  const numbers = new Float64Array(buffer, memory.allocate(entries * 8), entries)
  const positions = new Int32Array(buffer, memory.allocate(entries * 4), entries)
  const lengths = new Int32Array(buffer, memory.allocate(entries * 4), entries)
  const presentAt = memory.allocate(entries)
  const slots = { stride: capacity, numbers, positions, lengths, present: memory.bytes(presentAt, entries) }
  const direct = reads.map((read) => columnTarget(read, batch.columns[read.spec.name]!, columnsAt))
  const filled = [...reads.keys()].filter((slot) => !direct[slot])
  const targets = reads.map(
    (read, slot) => direct[slot] ?? entriesTarget(read, batch.columns[read.spec.name]!, slot, slots, columnsAt),
  )
  for (const [slot, target] of targets.entries())
    writeTarget(buffer, targetsAt + slot * TARGET.words * 4, target, columnsAt)
  const walk = filled.length === 0 ? walkOf(code, targets, memory.memory) : undefined
  const packedAt = memory.allocate(packedLength)
  const plainAt = memory.allocate(plainLength + ROW_SLACK)
  const places = { programAt, targetsAt, columnsAt, presentAt, packedAt, packedLength, plainAt, plainLength }
  return { instance, batch, ...places, slots, filled, walk }
}

function ownBatch(
  columns: readonly ColumnSpec[],
  capacity: number,
  memory: KernelMemory,
): { batch: Batch; columnsAt: number } {
  const columnBytes = batchBytes(columns, capacity)
  const columnsAt = memory.allocate(columnBytes)
  memory.bytes(columnsAt, columnBytes).fill(0)
  return { batch: batchIn(memory.memory.buffer, columnsAt, columns, capacity), columnsAt }
}

/** Where the first array of a batch lies. */
const startOf = ({ columns }: Batch): number =>
  Math.min(
    ...Object.values(columns).flatMap((column) =>
      Object.values(column)
        .filter(ArrayBuffer.isView)
        .map(({ byteOffset }) => byteOffset),
    ),
  )

/** Walks compiled in this thread, by what they were compiled from. */
const compiledWalks = new Map<string, CompiledWalk | undefined>()
/** Few programs are read in one thread; a daemon that runs for months forgets them all now and then. */
const MOST_WALKS = 64

function walkOf(code: Int32Array, targets: readonly SlotTarget[], memory: WebAssembly.Memory): Walk | undefined {
  const text = (_name: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)
  const kind = isShared(memory) ? 'shared' : 'own'
  const key = JSON.stringify([kind, [...code], targets], text)
  if (!compiledWalks.has(key)) {
    if (compiledWalks.size === MOST_WALKS) compiledWalks.clear()
    compiledWalks.set(key, compileWalk(code, targets, kind))
  }
  const compiled = compiledWalks.get(key)
  return compiled && { run: instantiateWalk(compiled, memory), reach: compiled.reach }
}

const KINDS: { readonly [bytes: number]: number } = { 1: TARGET.u8, 2: TARGET.u16, 4: TARGET.u32, 8: TARGET.place }

/** Where the kernel stores a slot: its column; undefined when it goes to the slot's own entries, from which the column is filled. */
function columnTarget({ divisor }: ColumnRead, column: Column, columnsAt: number): SlotTarget | undefined {
  if (column.valid) return undefined
  if (column.type === 'address') {
    const { v4, family, v6 } = column
    const [at, familyAt, v6At] = [v4, family, v6].map(({ byteOffset }) => byteOffset - columnsAt)
    return { kind: TARGET.address, at: at!, familyAt: familyAt!, v6At: v6At!, least: 0n, most: 0n }
  }
  if (!('values' in column) || divisor !== 1 || column.type === 'u64' || column.type === 'i64') return undefined
  const { values, type } = column
  const [least, most] = NUMBER_RANGE[type].map(BigInt)
  const kind = KINDS[values.BYTES_PER_ELEMENT]!
  return { kind, at: values.byteOffset - columnsAt, familyAt: 0, v6At: 0, least: least!, most: most! }
}

/** The entries of a slot: its numbers, or places and lengths. */
function entriesTarget(
  { divisor }: ColumnRead,
  column: Column,
  slot: number,
  slots: RowSlots,
  columnsAt: number,
): SlotTarget {
  const { stride, numbers, positions, lengths } = slots
  const isNumber = 'values' in column && column.type !== 'u64' && column.type !== 'i64' && divisor <= 1000
  const at = isNumber ? numbers.byteOffset + slot * stride * 8 : positions.byteOffset + slot * stride * 4
  const lengthsAt = lengths.byteOffset + slot * stride * 4
  const range = { least: -(2n ** 63n), most: 2n ** 63n - 1n }
  return { kind: TARGET.place, at: at - columnsAt, familyAt: lengthsAt - columnsAt, v6At: 0, ...range }
}
