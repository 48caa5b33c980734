import { ByteRows, compareBytes, RowCodec } from '../../flow/canonical.ts'
import type { Column, ColumnSpec } from '../../flow/column.ts'
import { BytesIndex } from './bytes-index.ts'
import { partitionOf } from './hash.ts'
import { firstNot, sortByBytes, sortByPartition, sortByWords } from './sort.ts'
import type { NarrowIndex } from './word-index.ts'
import { DirectIndex, WordIndex } from './word-index.ts'
import { WordPacker } from './word-packer.ts'

/**
 * Numbers the distinct keys of a table: groups 0, 1, 2 ... in the order they first come. Keys that fit in a few 32-bit words (integers, times, IPv4 addresses) are held
 * as words, all others (text, IPv6) in canonical encoding; one table may hold both.
 */
export class KeyTable {
  length = 0
  readonly codec: RowCodec
  readonly #packer: WordPacker | undefined
  readonly #words: NarrowIndex | undefined
  readonly #bytes = new BytesIndex()
  /** Group of each byte key, and byte key + 1 of each group (0: the group has words). */
  #groupOfBytes = new Uint32Array(16)
  #bytesOfGroup = new Uint32Array(0)
  /** Rows of the prepared batch that have no words, and their encodings. */
  readonly #rows = new ByteRows()
  #wide = new Uint32Array(0)
  #wideLength = 0
  /** Rows of the prepared batch that have words, those words moved together, and their groups. */
  #narrowRows = new Uint32Array(0)
  #narrowWords = new Uint32Array(0)
  #narrowGroups = new Uint32Array(0)

  constructor(specs: readonly ColumnSpec[]) {
    this.codec = new RowCodec(specs)
    this.#packer = WordPacker.for(specs)
    this.#words = this.#packer && narrowIndex(specs, this.#packer.width)
  }

  /** Bytes held. */
  get sizeBytes(): number {
    const groups = this.#groupOfBytes.byteLength + this.#bytesOfGroup.byteLength
    return groups + this.#bytes.sizeBytes + (this.#words?.sizeBytes ?? 0)
  }

  /** Looks at the keys of a batch; `sizeWith`, `reserve` and `add` are about this batch from then on. */
  prepare(columns: readonly Column[], length: number): void {
    if (this.#wide.length < length) this.#wide = new Uint32Array(length)
    this.#wideLength = this.#packer ? this.#packer.pack(columns, length, this.#wide) : fillUpTo(this.#wide, length)
    if (this.#wideLength === 0) return
    if (this.#wideLength === length) this.codec.encode(columns, 0, length, this.#rows)
    else this.#encodeWide(columns)
  }

  /** Bytes that would be held if every row of the prepared batch were a new group. */
  sizeWith(length: number): number {
    const wide = this.#wideLength
    const bytes = wide > 0 ? this.#bytes.sizeWith(wide, this.#rows.offsets[wide]!) : this.#bytes.sizeBytes
    const maps = wide > 0 || this.#bytes.length > 0 ? (this.length + length) * 8 : 0
    return bytes + maps + (this.#words?.sizeWith(this.length + length) ?? 0)
  }

  /** Makes room for every row of the prepared batch. */
  reserve(length: number): void {
    const wide = this.#wideLength
    this.#words?.reserve(this.length + length)
    if (wide > 0) {
      this.#bytes.reserve(wide, this.#rows.offsets[wide]!)
      this.#groupOfBytes = atLeast(this.#groupOfBytes, this.#bytes.length + wide)
    }
    if (wide > 0 || this.#bytes.length > 0) this.#bytesOfGroup = atLeast(this.#bytesOfGroup, this.length + length)
  }

  /** Writes the group of each row of the prepared batch. */
  add(length: number, groups: Uint32Array): void {
    if (this.#words && this.#packer && this.#wideLength === 0)
      this.length = this.#words.add(this.#packer.words, length, groups, this.length)
    else if (this.#wideLength === length) this.#addWide(groups)
    else this.#addMixed(length, groups)
  }

  clear(): void {
    this.length = 0
    this.#words?.clear()
    this.#bytes.clear()
    this.#bytesOfGroup.fill(0)
  }

  /** The groups in order of partition and key, and where each partition ends. */
  sorted(partitions: number): SortedGroups {
    const words = this.#words
    const narrow = this.#groupsOfWords()
    if (words && narrow.length > 0) sortByWords(narrow, words.words, words.width)
    const wide: Uint32Array = new Uint32Array(this.#bytes.length)
    fillUpTo(wide, wide.length)
    sortByBytes(wide, this.#bytes.data, this.#bytes.offsets)
    for (let i = 0; i < wide.length; i++) wide[i] = this.#groupOfBytes[wide[i]!]!
    const groups = wide.length === 0 ? narrow : narrow.length === 0 ? wide : this.#interleave(narrow, wide)
    const ends = new Uint32Array(partitions)
    if (partitions === 1) ends[0] = groups.length
    return { groups: partitions === 1 ? groups : sortByPartition(groups, this.#partitions(partitions), ends), ends }
  }

  /** Bytes of the longest key, at least. */
  get maxKeyBytes(): number {
    let longest = (this.#packer?.width ?? 0) * 8
    const { offsets, length } = this.#bytes
    for (let i = 0; i < length; i++) longest = Math.max(longest, offsets[i + 1]! - offsets[i]!)
    return longest
  }

  /** Writes the canonical encoding of a group's key and returns its end. */
  writeKey(group: number, out: Uint8Array, offset: number): number {
    const entry = this.#entryOf(group)
    if (entry < 0) return this.#packer!.write(this.#words!.words, group, out, offset)
    const { data, offsets } = this.#bytes
    let end = offset
    for (let i = offsets[entry]!; i < offsets[entry + 1]!; i++) out[end++] = data[i]!
    return end
  }

  #entryOf(group: number): number {
    return group < this.#bytesOfGroup.length ? this.#bytesOfGroup[group]! - 1 : -1
  }

  #encodeWide(columns: readonly Column[]): void {
    const rows = this.#rows
    rows.reserve(this.#wideLength)
    rows.length = this.#wideLength
    let end = 0
    for (let i = 0; i < this.#wideLength; i++) {
      rows.offsets[i] = end
      end += this.codec.measure(columns, this.#wide[i]!)
    }
    rows.offsets[this.#wideLength] = end
    rows.grow(end)
    for (let i = 0; i < this.#wideLength; i++) this.codec.write(columns, this.#wide[i]!, rows.data, rows.offsets[i]!)
  }

  #addWide(groups: Uint32Array): void {
    for (let i = 0; i < this.#wideLength; i++) groups[i] = this.#insertWide(i)
  }

  /** Adds the rows that have words, moved together, and then the others. */
  #addMixed(length: number, groups: Uint32Array): void {
    const { words, width } = this.#packer!
    const narrow = length - this.#wideLength
    if (this.#narrowRows.length < narrow) {
      this.#narrowRows = new Uint32Array(length)
      this.#narrowGroups = new Uint32Array(length)
    }
    if (this.#narrowWords.length < narrow * width) this.#narrowWords = new Uint32Array(length * width)
    gatherNarrow(words, width, length, this.#wide, this.#wideLength, this.#narrowRows, this.#narrowWords)
    this.length = this.#words!.add(this.#narrowWords, narrow, this.#narrowGroups, this.length)
    for (let i = 0; i < narrow; i++) groups[this.#narrowRows[i]!] = this.#narrowGroups[i]!
    for (let i = 0; i < this.#wideLength; i++) groups[this.#wide[i]!] = this.#insertWide(i)
  }

  #insertWide(i: number): number {
    const { data, offsets } = this.#rows
    const known = this.#bytes.length
    const entry = this.#bytes.insert(data, offsets[i]!, offsets[i + 1]!)
    if (entry === known) {
      this.#groupOfBytes[entry] = this.length
      this.#bytesOfGroup[this.length] = entry + 1
      this.length++
    }
    return this.#groupOfBytes[entry]!
  }

  #groupsOfWords(): Uint32Array {
    const groups = new Uint32Array(this.length - this.#bytes.length)
    let length = 0
    for (let group = 0; group < this.length; group++) if (this.#entryOf(group) < 0) groups[length++] = group
    return groups
  }

  /** Merges groups with words and without, both in order of key: each of the latter is looked for among the former, from the place of the one before. */
  #interleave(narrow: Uint32Array, wide: Uint32Array): Uint32Array {
    const merged = new Uint32Array(narrow.length + wide.length)
    const a = new Uint8Array(this.maxKeyBytes)
    const b = new Uint8Array(this.maxKeyBytes)
    let n = 0
    let at = 0
    for (let w = 0; w < wide.length; w++) {
      const bEnd = this.writeKey(wide[w]!, b, 0)
      const isBefore = (i: number): boolean => compareBytes(a, 0, this.writeKey(narrow[i]!, a, 0), b, 0, bEnd) < 0
      const end = firstNot(n, narrow.length, isBefore)
      while (n < end) merged[at++] = narrow[n++]!
      merged[at++] = wide[w]!
    }
    while (n < narrow.length) merged[at++] = narrow[n++]!
    return merged
  }

  #partitions(partitions: number): Uint16Array {
    const key = new Uint8Array(this.maxKeyBytes)
    const of = new Uint16Array(this.length)
    for (let group = 0; group < this.length; group++)
      of[group] = partitionOf(key, 0, this.writeKey(group, key, 0), partitions)
    return of
  }
}

/** Groups in the order in which they are written. */
export interface SortedGroups {
  readonly groups: Uint32Array
  /** End of each partition in `groups`. */
  readonly ends: Uint32Array
}

function narrowIndex(specs: readonly ColumnSpec[], width: number): NarrowIndex {
  const type = specs.length === 1 ? specs[0]!.type : undefined
  if (type === 'u16') return new DirectIndex(0x1_0000)
  return type === 'u8' || type === 'boolean' ? new DirectIndex(0x100) : new WordIndex(width)
}

/** Moves the words of rows that are not in `wide` together, and lists those rows. */
function gatherNarrow(
  words: Uint32Array,
  width: number,
  length: number,
  wide: Uint32Array,
  wideLength: number,
  rows: Uint32Array,
  gathered: Uint32Array,
): void {
  let count = 0
  let next = 0
  for (let row = 0; row < length; row++) {
    if (next < wideLength && wide[next] === row) {
      next++
      continue
    }
    for (let i = 0; i < width; i++) gathered[count * width + i] = words[row * width + i]!
    rows[count++] = row
  }
}

function fillUpTo(rows: Uint32Array, length: number): number {
  for (let i = 0; i < length; i++) rows[i] = i
  return length
}

function atLeast(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  if (array.length >= length) return array
  const grown = new Uint32Array(Math.max(length, array.length * 2))
  grown.set(array)
  return grown
}
