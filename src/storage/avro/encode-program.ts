import type { Column, ColumnSpec } from '../../flow/column.ts'
import { NUMBER_RANGE } from '../../flow/value.ts'
import type { KernelMemory } from '../../kernels/memory.ts'

/** Operations of the kernel `avroEncode`; assembly/avro-encode.ts has the same list. */
const OP = { u8: 1, u16: 2, u32: 3, f64: 4, u64: 5, i64: 6, boolean: 7, address: 8, prefix: 9, variable: 10 } as const

/** Bytes of one operation in the program. */
export const OPERATION_BYTES = 64

type Part = 'values' | 'family' | 'v4' | 'v6' | 'bits' | 'offsets'

/** How one column lies in kernel memory and what the kernel does with it. */
export interface EncodeOperation {
  readonly code: number
  /** Arrays of the column that are copied, each with its bytes per row and the byte of the operation that holds its address. */
  readonly parts: readonly { readonly part: Part; readonly bytes: number; readonly operand: number }[]
  /** Most bytes of a row; those of `text` and `bytes` come on top. */
  readonly maxBytes: number
  /**
   * Where in the field a match of the Snappy compressor may begin, in bytes: where addresses begin, and at the third byte of times, because they differ in
   * their low bytes. Next hops of IPv4 have none, as a match needs a byte of a port behind them. Numbers have none, because what begins with them rarely repeats, but for those of `REPEATING`.
   */
  readonly mark?: number
  /** The mark is for addresses of 16 bytes only; of others the beginning of the row is noted, which mostly lies in a match that has been written. */
  readonly marksLong?: boolean
  /** Writes the operands that are not addresses. */
  readonly limits?: (view: DataView, at: number) => void
}

/** Numbers of a flow that repeat together with those behind them. Looks at all eight numbers save 1 byte of 46 a flow, and cost as much time again as these two. */
const REPEATING: ReadonlySet<string> = new Set(['sampleSize', 'dstAs'])

const VALUES_OPERAND = 12
const MARK_OPERAND = 32

/** Where an operation has its flags: rows may be absent; the beginnings of the field are noted. */
export const FLAGS_OPERAND = 8
export const NULLABLE = 1
const MARKED = 2
const MARKED_LONG = 4

function numbers(code: number, bytes: number, maxBytes: number): EncodeOperation {
  return { code, parts: [{ part: 'values', bytes, operand: VALUES_OPERAND }], maxBytes }
}

const ADDRESS_PARTS = [
  { part: 'family', bytes: 1, operand: VALUES_OPERAND },
  { part: 'v4', bytes: 4, operand: 16 },
  { part: 'v6', bytes: 16, operand: 20 },
] as const

/** The operations of columns. Of times one behind the other only the last is marked: a match there reaches into those in front of it. */
export function encodeOperations(specs: readonly ColumnSpec[]): EncodeOperation[] {
  return specs.map((spec, i) => {
    const { mark, ...others } = encodeOperation(spec)
    const isMarked = mark !== undefined && !(spec.type === 'instant' && specs[i + 1]?.type === 'instant')
    return isMarked ? { ...others, mark } : others
  })
}

function encodeOperation({ name, type, avro }: ColumnSpec): EncodeOperation {
  const repeating = REPEATING.has(name) ? { mark: 0 } : {}
  switch (type) {
    case 'u8':
      return numbers(OP.u8, 1, 2)
    case 'u16':
      return numbers(OP.u16, 2, 3)
    case 'boolean':
      return numbers(OP.boolean, 1, 1)
    case 'u64':
      return numbers(OP.u64, 8, 10)
    case 'i64':
      return numbers(OP.i64, 8, 10)
    case 'u32': {
      const max = avro === 'int' ? 0x7fffffff : 0xffffffff
      return { ...numbers(OP.u32, 4, 5), ...repeating, limits: (view, at) => view.setUint32(at + 16, max, true) }
    }
    case 'address':
      return { code: OP.address, parts: ADDRESS_PARTS, maxBytes: 17, mark: 0, marksLong: name === 'nextHop' }
    case 'prefix':
      return {
        code: OP.prefix,
        parts: [...ADDRESS_PARTS, { part: 'bits', bytes: 1, operand: 24 }],
        maxBytes: 18,
        mark: 0,
      }
    case 'text':
    case 'bytes':
      return { code: OP.variable, parts: [{ part: 'offsets', bytes: 4, operand: VALUES_OPERAND }], maxBytes: 5 }
    default: {
      const [min, most] = NUMBER_RANGE[type]
      const max = avro === 'int' ? Math.min(most, 0x7fffffff) : most
      const limits = (view: DataView, at: number): void => {
        view.setFloat64(at + 16, min, true)
        view.setFloat64(at + 24, max, true)
      }
      return { ...numbers(OP.f64, 8, 8), ...(type === 'instant' ? { mark: 2 } : repeating), limits }
    }
  }
}

/** Where the operand of a variable column lies that says where its data begin. */
export const DATA_OPERAND = 16

/** Has the beginnings of marked fields noted. */
export function setMarks(operations: readonly EncodeOperation[], program: DataView): void {
  for (const [i, { mark, marksLong = false }] of operations.entries()) {
    if (mark === undefined) continue
    const at = i * OPERATION_BYTES
    const flags = MARKED | (marksLong ? MARKED_LONG : 0)
    program.setUint32(at + FLAGS_OPERAND, program.getUint32(at + FLAGS_OPERAND, true) | flags, true)
    program.setUint32(at + MARK_OPERAND, mark, true)
  }
}

/** Copies rows of one part of a column to `at`; 16-byte values of a column without IPv6 are left out. */
export function copyPart(
  memory: KernelMemory,
  column: Column,
  part: Part,
  { from, rows, bytes, at }: { from: number; rows: number; bytes: number; at: number },
): void {
  if (part === 'v6' && 'family' in column && !column.family.subarray(from, from + rows).includes(6)) return
  const array = (column as unknown as { readonly [part: string]: ArrayBufferView })[part] as ArrayBufferView // a part of the column's type
  const length = part === 'offsets' ? (rows + 1) * bytes : rows * bytes
  memory.bytes(at, length).set(new Uint8Array(array.buffer, array.byteOffset + from * bytes, length))
}
