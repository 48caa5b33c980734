import { describe, expect, it } from 'vitest'
import { maskWords, packAddresses, packDoubles, packLongs, packWords, timeBins } from '../../src/kernels/keys.ts'
import { loadKernels } from '../../src/kernels/load.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import { fc } from '../kit/fast-check.ts'

const memory = KernelMemory.create(1 << 20)
const kernels = loadKernels(memory)
const base = memory.mark

/** Puts values into kernel memory, runs a kernel there and its twin on a copy, and compares all bytes of the output. */
function expectSame(
  source: ArrayBufferView,
  outputBytes: number,
  kernel: (src: number, dst: number) => void,
  twin: (arrays: { bytes: Uint8Array; words: Uint32Array; doubles: Float64Array }, src: number, dst: number) => void,
): void {
  memory.release(base)
  const src = memory.allocate(source.byteLength)
  const dst = memory.allocate(outputBytes)
  memory.bytes(src, source.byteLength).set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength))
  memory.bytes(dst, outputBytes).fill(0xa5)
  const bytes = memory.bytes(0, memory.sizeBytes).slice()
  twin({ bytes, words: new Uint32Array(bytes.buffer), doubles: new Float64Array(bytes.buffer) }, src, dst)
  kernel(src, dst)
  expect(Buffer.compare(memory.bytes(dst, outputBytes), bytes.subarray(dst, dst + outputBytes))).toBe(0)
}

const flips = fc.constantFrom(0, 0x8000_0000)
const widths = fc.integer({ min: 2, max: 6 })

describe('the key kernels agree with their twins', () => {
  it('on unsigned values of every width', () => {
    const array = fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.uint16Array(), fc.uint32Array())
    fc.assert(
      fc.property(array, widths, (values, width) => {
        const { length, BYTES_PER_ELEMENT: size } = values
        expectSame(
          values,
          length * width * 4,
          (src, dst) => kernels.packWords(src, size, length, dst, width),
          (arrays, src, dst) => packWords(arrays, src, size, length, dst, width),
        )
      }),
    )
  })

  it('on whole numbers in doubles and on 64-bit integers, signed or not', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger()), fc.bigInt64Array(), flips, widths, (numbers, longs, flip, width) => {
        const doubles = Float64Array.from(numbers, (value) => (flip === 0 ? Math.abs(value) : value))
        expectSame(
          doubles,
          doubles.length * width * 4,
          (src, dst) => kernels.packDoubles(src, flip, doubles.length, dst, width),
          (arrays, src, dst) => packDoubles(arrays, src, flip, doubles.length, dst, width),
        )
        expectSame(
          longs,
          longs.length * width * 4,
          (src, dst) => kernels.packLongs(src, flip, longs.length, dst, width),
          (arrays, src, dst) => packLongs(arrays, src, flip, longs.length, dst, width),
        )
      }),
    )
  })

  it('on addresses of both families, and none', () => {
    const rows = fc.array(
      fc.tuple(fc.constantFrom(0, 4, 6), fc.nat(0xffff_ffff), fc.uint8Array({ minLength: 16, maxLength: 16 })),
    )
    fc.assert(
      fc.property(rows, fc.integer({ min: 5, max: 12 }), (addresses, width) => {
        const { length } = addresses
        const source = new Uint8Array(length * 32)
        const v4 = new Uint32Array(source.buffer, 0, length)
        for (const [row, [family, word, bytes]] of addresses.entries()) {
          v4[row] = word
          source[length * 4 + row] = family
          source.set(bytes, length * 5 + row * 16)
        }
        const at = (src: number): [number, number, number] => [src + length * 4, src, src + length * 5]
        expectSame(
          source,
          length * width * 4,
          (src, dst) => kernels.packAddresses(...at(src), length, dst, width),
          (arrays, src, dst) => packAddresses(arrays, ...at(src), length, dst, width),
        )
      }),
    )
  })

  it('on masks and bins', () => {
    const times = fc.array(fc.oneof(fc.integer({ min: -9, max: 9 }), fc.maxSafeInteger()))
    fc.assert(
      fc.property(fc.uint32Array(), fc.nat(32), times, fc.integer({ min: 1, max: 1e12 }), (words, bits, at, size) => {
        const mask = bits === 0 ? 0 : -1 << (32 - bits)
        expectSame(
          words,
          words.length * 4,
          (src, dst) => kernels.maskWords(src, mask, words.length, dst),
          (arrays, src, dst) => maskWords(arrays, src, mask, words.length, dst),
        )
        expectSame(
          Float64Array.from(at),
          at.length * 8,
          (src, dst) => kernels.timeBins(src, size, at.length, dst),
          (arrays, src, dst) => timeBins(arrays, src, size, at.length, dst),
        )
      }),
    )
  })
})
