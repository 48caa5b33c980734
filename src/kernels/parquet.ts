import { KERNEL_CODES } from './codes.ts'

/** Arrays a page is decoded into; 16-byte values are a Uint8Array with `width` 16. */
export type PageTarget = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** TypeScript twin of the `dictionary*` kernels. `width` is the number of array elements per value: 1, or 16 for 16-byte values. */
export function decodeDictionary(
  src: Uint8Array,
  count: number,
  entries: PageTarget,
  entryCount: number,
  dst: PageTarget,
  width = 1,
): number {
  if (src.length === 0) return count === 0 ? 0 : KERNEL_CODES.truncated
  const bits = src[0] as number
  if (bits > 24 || entryCount === 0) return count === 0 ? 0 : KERNEL_CODES.badEncoding
  const cursor = { p: 1, value: 0n }
  let bad = false
  const put = (at: number, index: number): void => {
    const wrong = index >= entryCount
    bad ||= wrong
    for (let k = 0; k < width; k++) dst[at * width + k] = entries[(wrong ? 0 : index) * width + k] as number
  }
  for (let done = 0; done < count; ) {
    if (!readVarint(src, cursor)) return KERNEL_CODES.truncated
    if (cursor.value > 0xffffffffn) return KERNEL_CODES.badEncoding
    const header = Number(cursor.value)
    let run = Math.floor(header / 2)
    if (header % 2) {
      if (run > 0x0fffffff) return KERNEL_CODES.badEncoding
      const bytes = run * bits
      run = Math.min(run * 8, count - done)
      if (src.length - cursor.p < (run * bits + 7) >>> 3) return KERNEL_CODES.truncated
      for (let i = 0; i < run; i++) put(done + i, Number(bitField(src, cursor.p, i * bits, bits)))
      cursor.p += bytes
    } else {
      const bytes = (bits + 7) >>> 3
      if (src.length - cursor.p < bytes) return KERNEL_CODES.truncated
      const index = Number(bitField(src, cursor.p, 0, bits))
      cursor.p += bytes
      if (index >= entryCount) return KERNEL_CODES.outOfRange
      run = Math.min(run, count - done)
      for (let i = 0; i < run; i++) put(done + i, index)
    }
    if (run === 0) return KERNEL_CODES.badEncoding
    done += run
  }
  return bad ? KERNEL_CODES.outOfRange : 0
}

/** TypeScript twin of `plain8`, `plain16` and `plain4`: little-endian INT32 into an unsigned column. */
export function decodePlain32(src: Uint8Array, count: number, dst: Uint8Array | Uint16Array | Uint32Array): number {
  if (src.length >>> 2 < count) return KERNEL_CODES.truncated
  const view = new DataView(src.buffer, src.byteOffset, src.length)
  let fits = true
  for (let i = 0; i < count; i++) {
    const value = view.getUint32(i * 4, true)
    dst[i] = value
    fits &&= dst[i] === value
  }
  return fits ? 0 : KERNEL_CODES.outOfRange
}

/** TypeScript twin of `plain64`: little-endian INT64 into doubles. */
export function decodePlain64(src: Uint8Array, count: number, dst: Float64Array): number {
  if (src.length >>> 3 < count) return KERNEL_CODES.truncated
  const view = new DataView(src.buffer, src.byteOffset, src.length)
  let safe = true
  for (let i = 0; i < count; i++) safe = storeDouble(dst, i, view.getBigInt64(i * 8, true)) && safe
  return safe ? 0 : KERNEL_CODES.outOfRange
}

/** TypeScript twin of `plain128`: 16-byte values as they are. */
export function decodePlain128(src: Uint8Array, count: number, dst: Uint8Array): number {
  if (src.length >>> 4 < count) return KERNEL_CODES.truncated
  dst.set(src.subarray(0, count * 16))
  return 0
}

/** TypeScript twin of the `delta*` kernels: DELTA_BINARY_PACKED into an unsigned column or doubles. */
export function decodeDelta(src: Uint8Array, count: number, dst: PageTarget): number {
  const cursor = { p: 0, value: 0n }
  const header: bigint[] = []
  for (let i = 0; i < 4; i++) {
    if (!readVarint(src, cursor)) return KERNEL_CODES.truncated
    header.push(cursor.value)
  }
  const [blockSize = 0n, miniblocks = 0n, total = 0n, first = 0n] = header
  if (blockSize === 0n || blockSize > 65536n || blockSize % 128n || miniblocks === 0n || miniblocks > 512n)
    return KERNEL_CODES.badEncoding
  const perMiniblock = Number(blockSize / miniblocks)
  if (
    perMiniblock === 0 ||
    perMiniblock % 32 ||
    BigInt(perMiniblock) * miniblocks !== blockSize ||
    total !== BigInt(count)
  )
    return KERNEL_CODES.badEncoding
  if (count === 0) return 0
  let value = zigzag(first)
  let safe = storeInteger(dst, 0, value)
  for (let done = 1; done < count; ) {
    if (!readVarint(src, cursor)) return KERNEL_CODES.truncated
    const minDelta = zigzag(cursor.value)
    const widths = cursor.p
    cursor.p += Number(miniblocks)
    if (cursor.p > src.length) return KERNEL_CODES.truncated
    for (let m = 0; m < Number(miniblocks) && done < count; m++) {
      const width = src[widths + m] as number
      if (width > 56) return KERNEL_CODES.badEncoding
      const bytes = (perMiniblock * width) >>> 3
      if (src.length - cursor.p < bytes) return KERNEL_CODES.truncated
      const n = Math.min(perMiniblock, count - done)
      for (let i = 0; i < n; i++) {
        value = BigInt.asIntN(64, value + minDelta + bitField(src, cursor.p, i * width, width))
        safe = storeInteger(dst, done + i, value) && safe
      }
      cursor.p += bytes
      done += n
    }
  }
  return safe ? 0 : KERNEL_CODES.outOfRange
}

/** TypeScript twin of `countBytes`. */
export function countBytes(bytes: Uint8Array, value: number): number {
  let found = 0
  for (let i = 0; i < bytes.length; i++) found += bytes[i] === value ? 1 : 0
  return found
}

/** TypeScript twin of `spread128`. */
export function spreadAddresses(family: Uint8Array, values: Uint8Array, count: number, dst: Uint8Array): number {
  dst.fill(0)
  let used = 0
  for (let i = 0; i < family.length; i++) {
    if (family[i] !== 6) continue
    if (used === count) return KERNEL_CODES.truncated
    dst.set(values.subarray(used * 16, used * 16 + 16), i * 16)
    used++
  }
  return used
}

const zigzag = (raw: bigint): bigint => (raw >> 1n) ^ -(raw & 1n)

function storeInteger(dst: PageTarget, at: number, value: bigint): boolean {
  if (dst instanceof Float64Array) return storeDouble(dst, at, value)
  dst[at] = Number(value & 0xffffffffn)
  return value >= 0n && value >> BigInt(dst.BYTES_PER_ELEMENT * 8) === 0n
}

function storeDouble(dst: Float64Array, at: number, value: bigint): boolean {
  const double = Number(value)
  dst[at] = double
  return Math.abs(double) <= Number.MAX_SAFE_INTEGER
}

function bitField(src: Uint8Array, at: number, bit: number, width: number): bigint {
  let value = 0n
  for (let k = 0; k < width; k++) {
    const position = bit + k
    if (((src[at + (position >>> 3)] as number) >>> (position & 7)) & 1) value |= 1n << BigInt(k)
  }
  return value
}

/** Unsigned LEB128 of up to ten bytes; false when it runs past the end. */
function readVarint(src: Uint8Array, cursor: { p: number; value: bigint }): boolean {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = src[cursor.p++]
    if (byte === undefined) return false
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) {
      cursor.value = BigInt.asUintN(64, value)
      return true
    }
  }
  return false
}
