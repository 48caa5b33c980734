import { describe, expect, it } from 'vitest'
import { decodeRows, OP } from '../../src/kernels/avro-rows.ts'
import { fc } from '../kit/fast-check.ts'
import { runKernel } from './harness.ts'

const STRIDE = 16
const SLOTS = 3
const ENTRIES = SLOTS * STRIDE

const slot = fc.integer({ min: 0, max: SLOTS - 1 })
const step = fc.oneof(
  fc.integer({ min: 1, max: 20 }).map((n) => [OP.skipVarints, n]),
  fc.constant([OP.skipBytes]),
  fc.integer({ min: 1, max: 9 }).map((n) => [OP.skipFixed, n]),
  slot.map((s) => [OP.int, s]),
  slot.map((s) => [OP.wideInt, s]),
  slot.map((s) => [OP.bytes, s]),
  fc.tuple(slot, fc.integer({ min: 1, max: 16 })).map(([s, n]) => [OP.fixed, s, n]),
  slot.map((s) => [OP.boolean, s]),
  slot.map((s) => ['nullable', s] as const),
)

/** Steps one after another, `nullable` as a union of null and a varint, then the end. */
const program = fc.array(step, { minLength: 1, maxLength: 6 }).map((steps) => {
  const code: number[] = []
  for (const [op, ...operands] of steps) {
    if (op !== 'nullable') {
      code.push(op as number, ...(operands as number[]))
      continue
    }
    const at = code.length
    const s = operands[0] as number
    code.push(OP.union, 2, at + 4, at + 8, OP.absent, s, OP.jump, at + 10, OP.int, s)
  }
  return Int32Array.from([...code, OP.end])
})

/** Bytes that are often good varints, lengths and branches, sometimes long or endless ones. */
const rows = fc
  .array(
    fc.oneof(
      { weight: 40, arbitrary: fc.constantFrom(0, 2, 4, 1, 8) },
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 12 }) },
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(0x80, 0xff),
    ),
    { minLength: 100, maxLength: 600 },
  )
  .map((bytes) => Uint8Array.from(bytes))

describe('the kernel that walks Avro rows', () => {
  it('finds the same values as its twin, or a fault where the twin finds one', () => {
    let good = 0
    fc.assert(
      fc.property(program, rows, fc.integer({ min: 0, max: 5 }), (code, plain, count) => {
        const twin = {
          stride: STRIDE,
          numbers: new Float64Array(ENTRIES),
          positions: new Int32Array(ENTRIES),
          lengths: new Int32Array(ENTRIES),
          present: new Uint8Array(ENTRIES).fill(1),
        }
        const expected = decodeRows(code, plain, 0, plain.length, count, twin)
        const input = new Uint8Array(plain.length + 32)
        input.set(plain)
        const { result, output } = runKernel(
          input,
          ENTRIES * 17,
          (kernels, src, dst, extra) =>
            kernels.avroRows(
              extra,
              src,
              src,
              src + plain.length,
              count,
              STRIDE,
              dst,
              dst + ENTRIES * 8,
              dst + ENTRIES * 12,
              dst + ENTRIES * 16,
            ),
          new Uint8Array(code.buffer),
          (output) => output.fill(1, ENTRIES * 16),
        )
        if (expected < 0) {
          expect(result).toBeLessThan(0)
          return
        }
        good += expected > 0 ? 1 : 0
        expect(result).toBe(expected)
        const numbers = new Float64Array(output.buffer, 0, ENTRIES)
        for (let i = 0; i < ENTRIES; i++) {
          const wanted = twin.numbers[i] as number
          // Beyond 2^53 both are rounded, each in its own way, and refused by every column.
          if (Math.abs(wanted) <= Number.MAX_SAFE_INTEGER) expect(numbers[i]).toBe(wanted === 0 ? 0 : wanted)
          else expect(Math.abs(numbers[i] as number)).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
        }
        expect([...new Int32Array(output.buffer, ENTRIES * 8, ENTRIES)]).toEqual([...twin.positions])
        expect([...new Int32Array(output.buffer, ENTRIES * 12, ENTRIES)]).toEqual([...twin.lengths])
        expect([...output.subarray(ENTRIES * 16)]).toEqual([...twin.present])
      }),
      { numRuns: 3000 },
    )
    expect(good).toBeGreaterThan(300)
  })
})
