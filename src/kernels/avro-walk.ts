import type { SlotTarget } from './avro-program.ts'
import { OP, TARGET } from './avro-program.ts'
import type { Code, LocalType } from './wasm-code.ts'
import { access, branch, branchIf, get, I, int, loadVector, moduleOf, set, wide } from './wasm-code.ts'

/**
 * A walk over Avro rows compiled for one program and its columns: nothing is looked up for a field. It knows rows as nearly all are, and stops before any other: a value that its column
 * cannot hold, an address that is no IPv4 address where one is wanted, varints of unusual length, the end of the bytes. `avroRows` goes on there and says what is wrong, if anything is.
 *
 * From row `row` at address `p` on, while rows begin at `limit` at most and before row `rows`; `columns` is where the columns lie. Returns the row it stopped at, and where that begins.
 */
export type RowWalk = (p: number, limit: number, row: number, rows: number, columns: number) => [row: number, p: number]

export interface CompiledWalk {
  readonly module: WebAssembly.Module
  /** Bytes that may be read from the start of a row on. */
  readonly reach: number
}

/** Parameters, then locals. */
const [P, LIMIT, ROW, ROWS, COLUMNS, HERE, START, LENGTH, BYTE, ENDS, VALUE] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
] as const
const LOCALS: readonly LocalType[] = ['i32', 'i32', 'i32', 'i32', 'i64', 'i64']
/** Bytes of a window in which the ends of varints are found, and runs that are likely to fit half of it. */
const WINDOW = 64
const SHORT_RUN = 3
/** Longer runs rarely fit a window, and longer code is not worth compiling. */
const LONGEST_RUN = 40
const MOST_CODE = 16 << 10

/** Compiles the walk of a program over memory of one thread or of several; undefined when it has operations that only `avroRows` knows. */
export function compileWalk(
  program: Int32Array,
  targets: readonly SlotTarget[],
  memory: 'own' | 'shared',
): CompiledWalk | undefined {
  const code: number[] = []
  let reach = WINDOW
  for (let pc = 0; program[pc] !== OP.end; ) {
    const op = program[pc]
    const operand = program[pc + 1]!
    if (code.length > MOST_CODE) return undefined
    if (op === OP.varints && operand <= LONGEST_RUN) {
      const wanted = program[pc + 2]!
      code.push(...varints(operand, program.subarray(pc + 3, pc + 3 + wanted * 2), targets))
      reach += WINDOW
      pc += 3 + wanted * 2
    } else if (op === OP.skipBytes) {
      code.push(...skipBytes)
      reach += 17
      pc += 1
    } else if (op === OP.bytes && targets[operand]?.kind === TARGET.address) {
      code.push(...address(targets[operand]))
      reach += 5
      pc += 2
    } else if (op === OP.skipFixed) {
      code.push(...advance(int(operand)))
      reach += operand
      pc += 2
    } else return undefined
  }
  const stop = [
    ...get(P),
    ...get(LIMIT),
    ...I.i32.gt,
    ...branchIf(1),
    ...get(ROW),
    ...get(ROWS),
    ...I.i32.ge,
    ...branchIf(1),
  ]
  const step = [...get(ROW), ...int(1), ...I.i32.add, ...set(ROW), ...branch(0)]
  const loop = [...I.loop, ...get(P), ...set(HERE), ...stop, ...code, ...step, ...I.end]
  const body = [...I.block, ...loop, ...I.end, ...get(ROW), ...get(HERE)]
  return { module: new WebAssembly.Module(moduleOf({ params: 5, results: 2, locals: LOCALS, body }, memory)), reach }
}

/** The walk in the memory of its columns; rows and addresses are unsigned. */
export function instantiateWalk({ module }: CompiledWalk, memory: WebAssembly.Memory): RowWalk {
  const { run } = new WebAssembly.Instance(module, { env: { memory } }).exports
  return run as RowWalk // `moduleOf` exports it so
}

/** Leaves the loop when there is something other than 0 on the stack. */
const stopIf = branchIf(1)

const advance = (length: Code): Code => [...get(P), ...length, ...I.i32.add, ...set(P)]

/** Lengths are told apart by branches, which are predicted, so that the next field need not wait for this one. */
const skipBytes: Code = [
  ...[...get(P), ...access(I.i32.load8), ...set(BYTE)],
  ...[...get(BYTE), ...int(8), ...I.i32.ne, ...I.if],
  ...[...get(BYTE), ...int(32), ...I.i32.ne, ...I.if],
  ...[...get(BYTE), ...branchIf(3), ...advance(int(1))],
  ...[...I.else, ...advance(int(17)), ...I.end],
  ...[...I.else, ...advance(int(5)), ...I.end],
]

/** An IPv4 address, where the row before in this place had none of IPv6. */
function address({ at, familyAt }: SlotTarget): Code {
  const half = (rotate: Code, mask: number): Code => [...get(BYTE), ...int(8), ...rotate, ...int(mask), ...I.i32.and]
  const family = [...get(COLUMNS), ...get(ROW), ...I.i32.add]
  return [
    ...[...get(P), ...access(I.i32.load8), ...int(8), ...I.i32.ne, ...stopIf],
    ...[...family, ...access(I.i32.load8, familyAt), ...int(6), ...I.i32.eq, ...stopIf],
    ...[...get(P), ...access(I.i32.load, 1), ...set(BYTE)],
    ...[
      ...place(2),
      ...half(I.i32.rotl, 0x00ff00ff),
      ...half(I.i32.rotr, 0xff00ff00),
      ...I.i32.or,
      ...access(I.i32.store, at),
    ],
    ...[...family, ...int(4), ...access(I.i32.store8, familyAt)],
    ...advance(int(5)),
  ]
}

/** The row at hand in a column of `2 ** shift` bytes a row, to which the column's place is added. */
const place = (shift: number): Code => [...get(COLUMNS), ...get(ROW), ...int(shift), ...I.i32.shl, ...I.i32.add]

/** A run of varints, of which `items` says which are wanted: after so many skipped, for which slot. */
function varints(count: number, items: Int32Array, targets: readonly SlotTarget[]): Code {
  if (count === 1 && items.length === 0) return skipOne
  const code = [...window(count > SHORT_RUN ? WINDOW : WINDOW / 2), ...int(0), ...set(START)]
  code.push(...get(ENDS), ...I.i64.popcnt, ...wide(BigInt(count)), ...I.i64.lt, ...stopIf)
  let left = count
  for (let i = 0; i < items.length; i += 2) {
    code.push(...skipMany(items[i]!), ...value(targets[items[i + 1]!]!))
    left -= items[i]! + 1
    if (left > 0) code.push(...nextEnd)
  }
  return [...code, ...skipMany(left), ...advance(get(START))]
}

/** One varint: its length is rarely another than one. */
const skipOne: Code = [
  ...[...get(P), ...access(I.i32.load8), ...int(128), ...I.i32.lt, ...I.if, ...advance(int(1)), ...I.else],
  ...[
    ...get(P),
    ...access(I.i64.load),
    ...wide(-1n),
    ...I.i64.xor,
    ...wide(0x8080808080808080n),
    ...I.i64.and,
    ...set(ENDS),
  ],
  ...[...get(ENDS), ...I.i64.eqz, ...branchIf(2)],
  ...advance([...get(ENDS), ...I.i64.ctz, ...wide(3n), ...I.i64.shr, ...I.i32.wrap, ...int(1), ...I.i32.add]),
  ...I.end,
]

/** Sets `ENDS` to a bit for each of the next bytes, whether it ends a varint. */
function window(bytes: number): Code {
  const part = (at: number): Code => [...get(P), ...loadVector(at), ...I.bitmask, ...I.i64.extend]
  const code = [...part(0)]
  for (let at = 16; at < bytes; at += 16) code.push(...part(at), ...wide(BigInt(at)), ...I.i64.shl, ...I.i64.or)
  return [...code, ...wide(2n ** BigInt(bytes) - 1n), ...I.i64.xor, ...set(ENDS)]
}

const nextEnd: Code = [...get(ENDS), ...get(ENDS), ...wide(1n), ...I.i64.sub, ...I.i64.and, ...set(ENDS)]
const endOf: Code = [...get(ENDS), ...I.i64.ctz, ...I.i32.wrap, ...int(1), ...I.i32.add]

/** Skips varints, ten bytes long on average at most, which more than six of them always are in a window. */
function skipMany(count: number): Code {
  if (count === 0) return []
  const code: number[] = []
  for (let i = 1; i < count; i++) code.push(...nextEnd)
  if (count * 10 < WINDOW) code.push(...endOf, ...get(START), ...I.i32.sub, ...int(count * 10), ...I.i32.gt, ...stopIf)
  return [...code, ...endOf, ...set(START), ...nextEnd]
}

/** Stores the varint that starts at `START` and ends at the first of `ENDS`. Negative ones stop. */
function value({ kind, at, most }: SlotTarget): Code {
  const widest = Math.min(8, Math.ceil((most.toString(2).length + 1) / 7))
  const zigzag = widest <= 4 ? narrowValue : wideValue
  return [
    ...[...endOf, ...get(START), ...I.i32.sub, ...set(LENGTH)],
    ...[...get(LENGTH), ...int(widest), ...I.i32.gt, ...stopIf],
    ...zigzag,
    ...[...get(VALUE), ...I.i32.wrap, ...int(1), ...I.i32.and, ...stopIf],
    ...[...get(VALUE), ...wide(1n), ...I.i64.shr, ...set(VALUE)],
    ...[...get(VALUE), ...wide(most), ...I.i64.gt, ...stopIf],
    ...storeValue(kind, at),
    ...[...endOf, ...set(START)],
  ]
}

/** The bytes of the varint alone, as a number of 64 bits. */
const loaded: Code = [
  ...[...get(P), ...get(START), ...I.i32.add, ...access(I.i64.load)],
  ...[...wide(-1n), ...int(0), ...get(LENGTH), ...int(3), ...I.i32.shl, ...I.i32.sub, ...I.i64.extend, ...I.i64.shr],
  ...[...I.i64.and, ...set(VALUE)],
]

/** Moves the bits of `mask` down by `shift`. */
const moved = (mask: bigint, shift: bigint): Code => [
  ...[...get(VALUE), ...wide(mask), ...I.i64.and],
  ...(shift > 0n ? [...wide(shift), ...I.i64.shr] : []),
]

/** Sevens of bits put together, one after the other up to four bytes, in pairs beyond. */
const narrowValue: Code = [
  ...[...loaded, ...moved(0x7fn, 0n), ...moved(0x7f00n, 1n), ...I.i64.or],
  ...[...moved(0x7f0000n, 2n), ...I.i64.or, ...moved(0x7f000000n, 3n), ...I.i64.or, ...set(VALUE)],
]
const wideValue: Code = [
  ...loaded,
  ...[...moved(0x007f007f007f007fn, 0n), ...moved(0x7f007f007f007f00n, 1n), ...I.i64.or, ...set(VALUE)],
  ...[...moved(0x00003fff00003fffn, 0n), ...moved(0x3fff00003fff0000n, 2n), ...I.i64.or, ...set(VALUE)],
  ...[...moved(0x000000000fffffffn, 0n), ...moved(0x0fffffff00000000n, 4n), ...I.i64.or, ...set(VALUE)],
]

function storeValue(kind: number, at: number): Code {
  const small = [...get(VALUE), ...I.i32.wrap]
  if (kind === TARGET.u8) return [...place(0), ...small, ...access(I.i32.store8, at)]
  if (kind === TARGET.u16) return [...place(1), ...small, ...access(I.i32.store16, at)]
  if (kind === TARGET.u32) return [...place(2), ...small, ...access(I.i32.store, at)]
  return [...place(3), ...get(VALUE), ...I.f64.convert, ...access(I.f64.store, at)]
}
