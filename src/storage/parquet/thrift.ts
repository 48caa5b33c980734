import { StorageError } from '../errors.ts'

/** The part of Thrift's compact protocol that Parquet metadata needs (apache/thrift, thrift-compact-protocol.md). Integers are numbers, so values beyond 2^53 - 1 are refused. */
const TYPE = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  struct: 12,
} as const

/** Nesting that no Parquet footer needs; hostile input stops here. */
const MAX_DEPTH = 16

/**
 * Reads structs field by field, and steps over what the caller does not ask for, so that nothing is kept of most of a footer:
 * `const outer = reader.enter(); while (reader.next()) if (reader.id === 3) rows = reader.integer(); else reader.skip(); reader.leave(outer)`.
 * Everything throws StorageError `corrupt` for bytes that are not what is read.
 */
export class ThriftReader {
  /** Where the next byte is read. */
  at: number
  /** The field that `next` came to. */
  id = 0
  readonly #bytes: Uint8Array
  /** Of the field, or of the elements of the list that is read. */
  #type = 0
  #depth = 0

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  /** Begins the outermost struct, the one in the field, or the next in the list. Gives what `leave` needs. */
  enter(): number {
    if (this.#depth > 0) this.#expect(TYPE.struct)
    if (++this.#depth > MAX_DEPTH) throw fault('nesting', this.at)
    const outer = this.id
    this.id = 0
    return outer
  }

  /** Comes to the next field of the struct; false at its end. */
  next(): boolean {
    const header = this.#byte()
    if (header === 0) return false
    this.id = header >>> 4 ? this.id + (header >>> 4) : this.#zigzag()
    this.#type = header & 15
    return true
  }

  /** Goes on in the struct or list around the one that has been read; a list is one of structs. */
  leave(outer: number): void {
    this.#depth--
    this.id = outer
    this.#type = TYPE.struct
  }

  /** Begins a list of structs. Returns how many there are. */
  structs(): number {
    this.#expect(TYPE.list)
    const count = this.#list()
    if (count > 0) this.#expect(TYPE.struct)
    return count
  }

  integer(): number {
    const type = this.#type
    if (type < TYPE.byte || type > TYPE.i64) throw fault(`type ${type} for an integer`, this.at)
    return type === TYPE.byte ? this.#byte() : this.#zigzag()
  }

  /** A field that is a boolean has its value for a type. */
  boolean(): boolean {
    if (this.#type !== TYPE.true) this.#expect(TYPE.false)
    return this.#type === TYPE.true
  }

  binary(): Uint8Array {
    this.#expect(TYPE.binary)
    const length = this.#varint()
    this.#pass(length)
    return this.#bytes.subarray(this.at - length, this.at)
  }

  /** Steps over the value of the field. */
  skip(): void {
    if (this.#type > TYPE.false) this.#skip()
  }

  /** Steps over a value; one of a list has a byte for what is a type of its own in a field. */
  #skip(): void {
    const type = this.#type
    if (type >= TYPE.true && type <= TYPE.byte) this.#pass(1)
    else if (type >= TYPE.i16 && type <= TYPE.i64) this.#varint()
    else if (type === TYPE.double) this.#pass(8)
    else if (type === TYPE.binary) this.#pass(this.#varint())
    else if (type === TYPE.list || type === TYPE.set) this.#skipList()
    else if (type === TYPE.struct) this.#skipStruct()
    else throw fault(`type ${type}`, this.at)
  }

  #skipStruct(): void {
    const outer = this.enter()
    while (this.next()) this.skip()
    this.leave(outer)
  }

  #skipList(): void {
    if (++this.#depth > MAX_DEPTH) throw fault('nesting', this.at)
    const count = this.#list()
    const type = this.#type
    for (let i = 0; i < count; i++) {
      this.#type = type
      this.#skip()
    }
    this.#depth--
  }

  #expect(type: number): void {
    if (this.#type !== type) throw fault(`type ${this.#type} for ${type}`, this.at)
  }

  /** Begins a list. Returns how many elements there are, each of which takes a byte at least. */
  #list(): number {
    const header = this.#byte()
    const count = header >>> 4 === 15 ? this.#varint() : header >>> 4
    if (count > this.#bytes.length - this.at) throw fault(`list of ${count}`, this.at)
    this.#type = header & 15
    return count
  }

  #byte(): number {
    const byte = this.#bytes[this.at++]
    if (byte === undefined) throw fault('end', this.at)
    return byte
  }

  #pass(length: number): void {
    if (length > this.#bytes.length - this.at) throw fault(`${length} bytes`, this.at)
    this.at += length
  }

  #varint(): number {
    let value = this.#byte()
    if (value < 0x80) return value
    value &= 0x7f
    for (let scale = 128; scale < 2 ** 70; scale *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER * 2) throw fault('integer above 2^53', this.at)
        return value
      }
    }
    throw fault('varint', this.at)
  }

  #zigzag(): number {
    const raw = this.#varint()
    return raw % 2 ? -(raw + 1) / 2 : raw / 2
  }
}

const fault = (what: string, offset: number): StorageError =>
  new StorageError('corrupt', `parquet: metadata expected a Thrift value, got ${what} at byte ${offset}`, { offset })

/** Writes structs: `i32(1, n)`, `struct(2, () => ...)`. Fields must be written in ascending order of id. */
export class ThriftWriter {
  readonly #out: number[] = []
  #lastId = 0

  bytes(): Uint8Array {
    return Uint8Array.from(this.#out)
  }

  i32(id: number, value: number): void {
    this.#field(id, TYPE.i32)
    this.#zigzag(value)
  }

  i64(id: number, value: number): void {
    this.#field(id, TYPE.i64)
    this.#zigzag(value)
  }

  bool(id: number, value: boolean): void {
    this.#field(id, value ? TYPE.true : TYPE.false)
  }

  byte(id: number, value: number): void {
    this.#field(id, TYPE.byte)
    this.#out.push(value & 255)
  }

  binary(id: number, value: Uint8Array | string): void {
    this.#field(id, TYPE.binary)
    this.#binary(value)
  }

  struct(id: number, write: () => void): void {
    this.#field(id, TYPE.struct)
    this.#nested(write)
  }

  structs<T>(id: number, items: readonly T[], write: (item: T) => void): void {
    this.#list(id, TYPE.struct, items.length)
    for (const item of items) this.#nested(() => write(item))
  }

  i32s(id: number, items: readonly number[]): void {
    this.#list(id, TYPE.i32, items.length)
    for (const item of items) this.#zigzag(item)
  }

  strings(id: number, items: readonly string[]): void {
    this.#list(id, TYPE.binary, items.length)
    for (const item of items) this.#binary(item)
  }

  /** Ends the outermost struct. */
  stop(): void {
    this.#out.push(0)
  }

  #nested(write: () => void): void {
    const outer = this.#lastId
    this.#lastId = 0
    write()
    this.#out.push(0)
    this.#lastId = outer
  }

  #list(id: number, type: number, count: number): void {
    this.#field(id, TYPE.list)
    if (count < 15) this.#out.push((count << 4) | type)
    else {
      this.#out.push(0xf0 | type)
      this.#varint(count)
    }
  }

  #field(id: number, type: number): void {
    const delta = id - this.#lastId
    if (delta > 0 && delta < 16) this.#out.push((delta << 4) | type)
    else {
      this.#out.push(type)
      this.#zigzag(id)
    }
    this.#lastId = id
  }

  #binary(value: Uint8Array | string): void {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    this.#varint(bytes.length)
    for (const byte of bytes) this.#out.push(byte)
  }

  #zigzag(value: number): void {
    this.#varint(value < 0 ? -value * 2 - 1 : value * 2)
  }

  #varint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.#out.push((rest % 128) | 128)
      rest = Math.floor(rest / 128)
    }
    this.#out.push(rest)
  }
}
