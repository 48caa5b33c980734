import { halves, putU32 } from '../../flow/canonical-types.ts'
import type { Column, ColumnSpec, ColumnType } from '../../flow/column.ts'
import { isAll4 } from '../../flow/column.ts'

/** Keys of more words than this are held in canonical encoding. */
const MAX_WORDS = 12
const SIGN = 0x8000_0000

/** Words of each type that has any; their order as unsigned numbers is the canonical order. */
export const WORDS: { readonly [T in ColumnType]?: 1 | 2 } = {
  u8: 1,
  u16: 1,
  u32: 1,
  boolean: 1,
  address: 1,
  prefix: 2,
  u53: 2,
  i53: 2,
  u64: 2,
  i64: 2,
  instant: 2,
  duration: 2,
}

/** The values of a key column, or of a part of one, and where in a key its words stand. */
export interface KeyPart {
  readonly values: Uint8Array | Uint16Array | Uint32Array | Float64Array | BigUint64Array | BigInt64Array
  readonly word: number
  /** Bits of the high word of values of two that are flipped, so that signed ones come in order. */
  readonly flip: number
}

/** Lays key columns out as 32-bit words, row by row. */
export class WordPacker {
  /** Words per row. */
  readonly width: number
  /** The words of the batch packed last. */
  words: Uint32Array = new Uint32Array(0)
  /** Where the words of each column start. */
  readonly offsets: readonly number[]
  readonly #types: readonly ColumnType[]
  #own = new Uint32Array(0)
  #isWide = new Uint8Array(0)

  /** A packer for keys of these columns, unless they have no words. */
  static for(specs: readonly ColumnSpec[]): WordPacker | undefined {
    const widths = specs.map(({ type, nullable }) => (nullable ? undefined : WORDS[type]))
    const total = widths.reduce<number>((sum, width) => sum + (width ?? MAX_WORDS + 1), 0)
    return total > MAX_WORDS || total === 0 ? undefined : new WordPacker(specs, total)
  }

  private constructor(specs: readonly ColumnSpec[], width: number) {
    this.width = width
    this.#types = specs.map(({ type }) => type)
    let offset = 0
    this.offsets = this.#types.map((type) => {
      offset += WORDS[type]!
      return offset - WORDS[type]!
    })
  }

  /** Packs a batch, writes the rows that hold an address other than IPv4 to `wide` and returns how many there are; their words mean nothing. */
  pack(columns: readonly Column[], length: number, wide: Uint32Array): number {
    const wideLength = this.findWide(columns, length, wide)
    const [first] = columns
    if (this.width === 1 && (first?.type === 'address' || first?.type === 'u32')) {
      this.words = first.type === 'address' ? first.v4 : first.values
      return wideLength
    }
    if (this.#own.length < length * this.width) this.#own = new Uint32Array(length * this.width)
    this.words = this.#own
    let word = 0
    for (let i = 0; i < columns.length; i++) {
      packColumn(columns[i]!, length, this.#own, word, this.width)
      word += WORDS[this.#types[i]!]!
    }
    return wideLength
  }

  /** Whether keys are so few that a table can have an entry for each, in their order. */
  get isDirect(): boolean {
    return this.directBytes !== undefined
  }

  /** Bytes of such keys. */
  get directBytes(): 1 | 2 | undefined {
    const [only, ...others] = this.#types
    if (others.length > 0) return undefined
    return only === 'u16' ? 2 : only === 'u8' || only === 'boolean' ? 1 : undefined
  }

  /** Writes the canonical encoding of row `row` of `words`, rows being `stride` words apart, and returns its end. */
  write(words: Uint32Array, row: number, out: Uint8Array, offset: number, stride = this.width): number {
    let word = row * stride
    let end = offset
    for (let i = 0; i < this.#types.length; i++) {
      const type = this.#types[i]!
      end = writeWords(type, words, word, out, end)
      word += WORDS[type]!
    }
    return end
  }

  /** The arrays that the words of a batch come from, for the kernels that pack them. */
  parts(columns: readonly Column[]): KeyPart[] {
    return columns.flatMap((column, i) => partsOf(column, this.offsets[i]!))
  }

  /** Writes the rows that hold an address other than IPv4 to `wide` and returns how many there are. */
  findWide(columns: readonly Column[], length: number, wide: Uint32Array): number {
    const others = (column: Column): boolean =>
      (column.type === 'address' || column.type === 'prefix') && !isAll4(column.family, length)
    if (!columns.some(others)) return 0
    if (this.#isWide.length < length) this.#isWide = new Uint8Array(length)
    this.#isWide.fill(0)
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]!
      if (column.type === 'address' || column.type === 'prefix') mark(column.family, length, this.#isWide)
    }
    let count = 0
    for (let row = 0; row < length; row++) if (this.#isWide[row]) wide[count++] = row
    return count
  }
}

function mark(family: Uint8Array, length: number, isWide: Uint8Array): void {
  for (let row = 0; row < length; row++) if (family[row] !== 4) isWide[row] = 1
}

/** The parts of a key column whose words start at `word`; of addresses those of IPv4. */
export function partsOf(column: Column, word: number): KeyPart[] {
  switch (column.type) {
    case 'address':
      return [{ values: column.v4, word, flip: 0 }]
    case 'prefix':
      return [
        { values: column.v4, word, flip: 0 },
        { values: column.bits, word: word + 1, flip: 0 },
      ]
    case 'text':
    case 'bytes':
      throw new TypeError(`key table: column expected words, got ${column.type}`)
    default:
      return [{ values: column.values, word, flip: isSigned(column.type) ? SIGN : 0 }]
  }
}

/** Types of two words whose high one has a sign. */
const isSigned = (type: ColumnType): boolean => ['i53', 'i64', 'instant', 'duration'].includes(type)

function packColumn(column: Column, length: number, out: Uint32Array, word: number, width: number): void {
  switch (column.type) {
    case 'address':
      packNumbers(column.v4, length, out, word, width)
      break
    case 'prefix':
      packNumbers(column.v4, length, out, word, width)
      packNumbers(column.bits, length, out, word + 1, width)
      break
    case 'u8':
    case 'u16':
    case 'u32':
    case 'boolean':
      packNumbers(column.values, length, out, word, width)
      break
    case 'u64':
    case 'i64':
      packHalves(halves(column), column.type === 'i64' ? SIGN : 0, length, out, word, width)
      break
    case 'text':
    case 'bytes':
      throw new TypeError(`key table: column expected words, got ${column.type}`)
    default:
      packWide(column.values, column.type === 'u53' ? 0 : SIGN, length, out, word, width)
  }
}

function packNumbers(
  values: Uint8Array | Uint16Array | Uint32Array,
  length: number,
  out: Uint32Array,
  word: number,
  width: number,
): void {
  for (let row = 0, at = word; row < length; row++, at += width) out[at] = values[row]!
}

function packWide(
  values: Float64Array,
  flip: number,
  length: number,
  out: Uint32Array,
  word: number,
  width: number,
): void {
  // Bins, and times in order, are often the value of the row before.
  let known = Number.NaN
  let high = 0
  let low = 0
  for (let row = 0, at = word; row < length; row++, at += width) {
    const value = values[row]!
    if (value !== known) {
      const quotient = Math.floor(value / 0x1_0000_0000)
      high = quotient ^ flip
      low = value - quotient * 0x1_0000_0000
      known = value
    }
    out[at] = high
    out[at + 1] = low
  }
}

function packHalves(
  words: Uint32Array,
  flip: number,
  length: number,
  out: Uint32Array,
  word: number,
  width: number,
): void {
  for (let row = 0, at = word; row < length; row++, at += width) {
    out[at] = words[row * 2 + 1]! ^ flip
    out[at + 1] = words[row * 2]!
  }
}

/** Writes the canonical encoding of the value whose words start at `word`, and returns its end; addresses are of IPv4. */
export function writeWords(
  type: ColumnType,
  words: Uint32Array,
  word: number,
  out: Uint8Array,
  offset: number,
): number {
  const value = words[word]!
  switch (type) {
    case 'u8':
    case 'boolean':
      out[offset] = value
      return offset + 1
    case 'u16':
      out[offset] = value >>> 8
      out[offset + 1] = value
      return offset + 2
    case 'u32':
      putU32(out, offset, value)
      return offset + 4
    case 'address':
    case 'prefix':
      out[offset] = 4
      putU32(out, offset + 1, value)
      if (type === 'address') return offset + 5
      out[offset + 5] = words[word + 1]!
      return offset + 6
    default:
      putU32(out, offset, value)
      putU32(out, offset + 4, words[word + 1]!)
      return offset + 8
  }
}
