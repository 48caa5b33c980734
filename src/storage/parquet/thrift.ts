import { StorageError } from '../errors.ts'

/**
 * The part of Thrift's compact protocol that Parquet metadata needs (apache/thrift, thrift-compact-protocol.md). A struct is a map from
 * field id to value; integers are numbers, so values beyond 2^53 - 1 are refused.
 */
export type ThriftValue = number | boolean | Uint8Array | readonly ThriftValue[] | ThriftStruct
export type ThriftStruct = ReadonlyMap<number, ThriftValue>

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

/** Reads the struct at `offset`; the result says where it ends. Throws StorageError `corrupt`. */
export function readStruct(bytes: Uint8Array, offset = 0): { struct: ThriftStruct; next: number } {
  const reader = new Reader(bytes, offset)
  const struct = reader.struct(0)
  return { struct, next: reader.at }
}

class Reader {
  readonly #bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  struct(depth: number): ThriftStruct {
    if (depth > MAX_DEPTH) throw fault('nesting', this.at)
    const fields = new Map<number, ThriftValue>()
    let id = 0
    for (;;) {
      const header = this.#byte()
      if (header === 0) return fields
      id = header >>> 4 ? id + (header >>> 4) : this.#zigzag()
      const type = header & 15
      fields.set(id, type === TYPE.true ? true : type === TYPE.false ? false : this.#value(type, depth))
    }
  }

  #value(type: number, depth: number): ThriftValue {
    switch (type) {
      case TYPE.true:
      case TYPE.false:
        return this.#byte() === 1
      case TYPE.byte:
        return this.#byte()
      case TYPE.i16:
      case TYPE.i32:
      case TYPE.i64:
        return this.#zigzag()
      case TYPE.double:
        return this.#take(8)
      case TYPE.binary:
        return this.#take(this.#varint())
      case TYPE.list:
      case TYPE.set:
        return this.#list(depth)
      case TYPE.struct:
        return this.struct(depth + 1)
      default:
        throw fault(`type ${type}`, this.at)
    }
  }

  #list(depth: number): ThriftValue[] {
    if (depth > MAX_DEPTH) throw fault('nesting', this.at)
    const header = this.#byte()
    const count = header >>> 4 === 15 ? this.#varint() : header >>> 4
    if (count > this.#bytes.length - this.at) throw fault(`list of ${count}`, this.at)
    const items: ThriftValue[] = []
    for (let i = 0; i < count; i++) items.push(this.#value(header & 15, depth + 1))
    return items
  }

  #byte(): number {
    const byte = this.#bytes[this.at++]
    if (byte === undefined) throw fault('end', this.at)
    return byte
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.at) throw fault(`binary of ${length}`, this.at)
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
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
