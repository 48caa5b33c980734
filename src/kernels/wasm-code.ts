/** Instructions of WebAssembly that generated code uses, by their opcodes (WebAssembly core specification, 5.4). */
export const I = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  else: [0x05],
  end: [0x0b],
  i32: {
    load: 0x28,
    load8: 0x2d,
    store: 0x36,
    store8: 0x3a,
    store16: 0x3b,
    eq: [0x46],
    ne: [0x47],
    lt: [0x49],
    gt: [0x4b],
    ge: [0x4f],
    add: [0x6a],
    sub: [0x6b],
    and: [0x71],
    or: [0x72],
    shl: [0x74],
    shr: [0x76],
    rotl: [0x77],
    rotr: [0x78],
    wrap: [0xa7],
  },
  i64: {
    load: 0x29,
    eqz: [0x50],
    lt: [0x54],
    gt: [0x56],
    ctz: [0x7a],
    popcnt: [0x7b],
    sub: [0x7d],
    and: [0x83],
    or: [0x84],
    xor: [0x85],
    shl: [0x86],
    shr: [0x88],
    extend: [0xad],
  },
  f64: { store: 0x39, convert: [0xb9] },
  bitmask: [0xfd, 0x64],
} as const

export type Code = readonly number[]

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = []
  let left = value
  do {
    bytes.push((left % 128) + (left >= 128 ? 128 : 0))
    left = Math.floor(left / 128)
  } while (left > 0)
  return bytes
}

/** Signed LEB128. */
function signed(value: bigint): number[] {
  const bytes: number[] = []
  for (let left = value; ; left >>= 7n) {
    const byte = Number(left & 0x7fn)
    const isLast = (left >> 7n === 0n && (byte & 0x40) === 0) || (left >> 7n === -1n && (byte & 0x40) !== 0)
    bytes.push(isLast ? byte : byte | 0x80)
    if (isLast) return bytes
  }
}

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number): Code => [0x21, ...unsigned(local)]
export const branchIf = (depth: number): Code => [0x0d, ...unsigned(depth)]
export const branch = (depth: number): Code => [0x0c, ...unsigned(depth)]
export const int = (value: number): Code => [0x41, ...signed(BigInt(value | 0))]
export const wide = (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))]
/** A load or store without a promise of alignment, `offset` bytes from the address on the stack. */
export const access = (opcode: number, offset = 0): Code => [opcode, 0, ...unsigned(offset)]
export const loadVector = (offset: number): Code => [0xfd, 0, 0, ...unsigned(offset)]

const TYPES = { i32: 0x7f, i64: 0x7e } as const
export type LocalType = keyof typeof TYPES

/** Limits of an imported memory, of any size: at least nothing, or, where threads share it, at most 4 GB as well. */
const LIMITS = { own: [0, 0], shared: [3, 0, ...unsigned(65_536)] } as const

/** A function over a memory, whose parameters and results are all i32. */
export interface FunctionCode {
  readonly params: number
  readonly results: number
  readonly locals: readonly LocalType[]
  readonly body: Code
}

/** A module with one function, `run`, over the memory that is imported as `env.memory`. */
export function moduleOf(
  { params, results, locals, body }: FunctionCode,
  memory: keyof typeof LIMITS,
): Uint8Array<ArrayBuffer> {
  const vector = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()]
  const sized = (bytes: Code): number[] => [...unsigned(bytes.length), ...bytes]
  const section = (id: number, items: readonly Code[]): number[] => [id, ...sized(vector(items))]
  const name = (text: string): number[] => sized([...new TextEncoder().encode(text)])
  const words = (count: number): number[] => vector(Array.from({ length: count }, () => [TYPES.i32]))
  const declared = vector(locals.map((type) => [1, TYPES[type]]))
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, ...words(params), ...words(results)]]),
    ...section(2, [[...name('env'), ...name('memory'), 2, ...LIMITS[memory]]]),
    ...section(3, [[0]]),
    ...section(7, [[...name('run'), 0, 0]]),
    ...section(10, [sized([...declared, ...body, ...I.end])]),
  ])
}
