import { putU32 } from '../../flow/canonical-types.ts'
import type { Column, ColumnSpec, ColumnType } from '../../flow/column.ts'
import type { KeyWords } from './entry-layout.ts'
import type { KeyPart } from './word-packer.ts'
import { partsOf, WORDS, writeWords } from './word-packer.ts'

/** Words of an address of any family, as `packAddresses` writes them. */
const ADDRESS_WORDS = 5

/** Addresses that are a part of a key, and where in it their words stand. */
export interface AddressPart {
  readonly addresses: Extract<Column, { type: 'address' | 'prefix' }>
  readonly word: number
}

/** Lays key columns out as words, row by row, addresses of both families alike; the order of the words is the canonical order. */
export class WidePacker implements KeyWords {
  readonly width: number
  readonly #columns: readonly { readonly type: ColumnType; readonly word: number }[]

  /** A packer for keys that `WordPacker` takes too. */
  constructor(specs: readonly ColumnSpec[]) {
    let width = 0
    this.#columns = specs.map(({ type }) => {
      const word = width
      width += type === 'address' ? ADDRESS_WORDS : type === 'prefix' ? ADDRESS_WORDS + 1 : WORDS[type]!
      return { type, word }
    })
    this.width = width
  }

  /** The arrays that the words of a batch come from, for the kernels that pack them. */
  parts(columns: readonly Column[]): (KeyPart | AddressPart)[] {
    return columns.flatMap((column, i): (KeyPart | AddressPart)[] => {
      const { word } = this.#columns[i]!
      if (column.type === 'address') return [{ addresses: column, word }]
      if (column.type !== 'prefix') return partsOf(column, word)
      return [
        { addresses: column, word },
        { values: column.bits, word: word + ADDRESS_WORDS, flip: 0 },
      ]
    })
  }

  write(words: Uint32Array, row: number, out: Uint8Array, offset: number, stride: number): number {
    let end = offset
    for (const { type, word } of this.#columns) {
      const at = row * stride + word
      if (type !== 'address' && type !== 'prefix') end = writeWords(type, words, at, out, end)
      else {
        end = writeAddress(words, at, out, end)
        if (type === 'prefix') out[end++] = words[at + ADDRESS_WORDS]!
      }
    }
    return end
  }
}

function writeAddress(words: Uint32Array, at: number, out: Uint8Array, offset: number): number {
  const family = words[at]!
  const length = family === 6 ? 4 : family === 4 ? 1 : 0
  out[offset] = family
  for (let i = 0; i < length; i++) putU32(out, offset + 1 + i * 4, words[at + 1 + i]!)
  return offset + 1 + length * 4
}
