import { describe, expect, it } from 'vitest'
import type { RowSlots, SlotTarget } from '../../src/kernels/avro-program.ts'
import { FAULT, OP, ROW_SLACK, TARGET, writeTarget } from '../../src/kernels/avro-program.ts'
import { decodeRows } from '../../src/kernels/avro-rows.ts'
import type { CompiledWalk } from '../../src/kernels/avro-walk.ts'
import { compileWalk, instantiateWalk } from '../../src/kernels/avro-walk.ts'
import type { Kernels } from '../../src/kernels/kernels.ts'
import { fc } from '../kit/fast-check.ts'
import { kernelMemory, runKernel } from './harness.ts'

const STRIDE = 16
const STEPS = 6
/** Each step has two slots of its own. */
const SLOTS = STEPS * 2
const ENTRIES = SLOTS * STRIDE
/** Where the twin's arrays lie in the output of the kernel, each of `ENTRIES`, and behind them room for IPv6 addresses. */
const AT = { numbers: 0, positions: ENTRIES * 8, lengths: ENTRIES * 12, present: ENTRIES * 16, v6: ENTRIES * 17 }

type Kind = 'place' | 'address' | 'u8' | 'u16' | 'u32'
const MOST = { u8: 0xff, u16: 0xffff, u32: 0xffffffff } as const

const number = fc.constantFrom<Kind>('place', 'u8', 'u16', 'u32')
const bytes = fc.constantFrom<Kind>('place', 'address')
interface Step {
  readonly code: (slot: number) => number[]
  readonly kinds: readonly Kind[]
}
const skips = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 90 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  skips.map((n) => ({ code: () => [OP.varints, n + 1, 0], kinds: [] })),
  fc.tuple(skips, skips, number).map(([before, after, kind]) => ({
    code: (slot: number) => [OP.varints, before + after + 1, 1, before, slot],
    kinds: [kind],
  })),
  fc.tuple(skips, skips, skips, number, number).map(([a, b, c, first, second]) => ({
    code: (slot: number) => [OP.varints, a + b + c + 2, 2, a, slot, b, slot + 1],
    kinds: [first, second],
  })),
  fc.constant({ code: () => [OP.skipBytes], kinds: [] }),
  fc.integer({ min: 1, max: 9 }).map((n) => ({ code: () => [OP.skipFixed, n], kinds: [] })),
  fc.constant({ code: (slot: number) => [OP.wideInt, slot], kinds: ['place'] }),
  bytes.map((kind) => ({ code: (slot: number) => [OP.bytes, slot], kinds: [kind] })),
  fc.tuple(fc.constantFrom(1, 4, 9, 16), bytes).map(([n, kind]) => ({
    code: (slot: number) => [OP.fixed, slot, n],
    kinds: [kind],
  })),
  number.map((kind) => ({ code: (slot: number) => [OP.boolean, slot], kinds: [kind] })),
  // A union of null and a varint.
  number.map((kind) => ({
    code: (slot: number) => [OP.union, 2, 4, 8, OP.absent, slot, OP.jump, 13, OP.varints, 1, 1, 0, slot],
    kinds: [kind],
  })),
)

/** Steps one after another, then the end; targets of jumps become places in the whole. */
const program = fc.array(step, { minLength: 1, maxLength: STEPS }).map((steps) => {
  const code: number[] = []
  const kinds: (Kind | undefined)[] = Array.from({ length: SLOTS }, () => undefined)
  for (const [i, { code: make, kinds: own }] of steps.entries()) {
    const words = make(i * 2)
    if (words[0] === OP.union) for (const at of [2, 3, 7]) words[at]! += code.length
    for (const [s, kind] of own.entries()) kinds[i * 2 + s] = kind
    code.push(...words)
  }
  return { code: Int32Array.from([...code, OP.end]), kinds }
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
  .map((values) => Uint8Array.from(values))

/** Where the kernel stores each slot, in its output. */
function targetsOf(kinds: readonly (Kind | undefined)[], code: Int32Array): SlotTarget[] {
  const places = placeSlots(code)
  return kinds.map((kind = 'place', slot) => {
    const positionsAt = AT.positions + slot * STRIDE * 4
    const familyAt = AT.lengths + slot * STRIDE * 4
    const isPlace = kind === 'address' || (kind === 'place' && places.has(slot))
    const at = isPlace ? positionsAt : AT.numbers + slot * STRIDE * 8
    const range =
      kind === 'address' || kind === 'place'
        ? { least: -(2n ** 63n), most: 2n ** 63n - 1n }
        : { least: 0n, most: BigInt(MOST[kind]) }
    return { kind: TARGET[kind], at, familyAt, v6At: AT.v6 + slot * STRIDE * 16, ...range }
  })
}

/** Rows by the compiled walk, where there is one, and by the kernel where that stops, as a decoder has it. Returns what the kernel would. */
function walkRows(
  kernels: Kernels,
  compiled: CompiledWalk | undefined,
  src: number,
  length: number,
  dst: number,
  extra: number,
  count: number,
): number {
  const walk = compiled && instantiateWalk(compiled, kernelMemory)
  let [row, next] = [0, src]
  for (;;) {
    if (walk) [row, next] = walk(next, Math.max(0, src + length - compiled.reach), row, count, dst)
    walked += walk ? row : 0
    if (row === count) return next - src
    const last = walk ? row + 1 : count
    const bytes = kernels.avroRows(
      extra + SLOTS * TARGET.words * 4,
      src,
      next,
      src + length,
      row,
      last,
      extra,
      STRIDE,
      dst + AT.present,
    )
    if (bytes < 0) return bytes
    row = last
    next += bytes
    if (row === count) return next - src
  }
}

let walked = 0

/** Slots of which the place is stored, not the value. */
function placeSlots(code: Int32Array): Set<number> {
  const found = new Set<number>()
  for (let pc = 0; code[pc] !== OP.end; ) {
    const op = code[pc]!
    if (op === OP.wideInt || op === OP.bytes || op === OP.fixed) found.add(code[pc + 1]!)
    if (op === OP.varints) pc += 3 + code[pc + 2]! * 2
    else if (op === OP.union) pc += 4
    else pc += op === OP.skipBytes ? 1 : op === OP.fixed ? 3 : 2
  }
  return found
}

/** Whether the columns can hold all that the twin found in the first rows. */
function fits(kinds: readonly (Kind | undefined)[], twin: RowSlots, count: number): boolean {
  return kinds.every((kind, slot) => {
    if (kind === undefined || kind === 'place') return true
    for (let row = 0; row < count; row++) {
      const entry = slot * STRIDE + row
      if (
        kind === 'address'
          ? ![0, 4, 16].includes(twin.lengths[entry]!)
          : !(twin.numbers[entry]! >= 0 && twin.numbers[entry]! <= MOST[kind])
      )
        return false
    }
    return true
  })
}

/** Compares what the kernel stored for a slot with what the twin found. */
function compare(kind: Kind, slot: number, count: number, output: Uint8Array, twin: RowSlots, plain: Uint8Array): void {
  const base = slot * STRIDE
  for (let row = 0; row < count; row++) {
    const wanted = twin.numbers[base + row]!
    if (kind === 'address') {
      const at = twin.positions[base + row]!
      const length = twin.lengths[base + row]!
      const v4 = new DataView(output.buffer).getUint32(AT.positions + (base + row) * 4, true)
      const v6 = output.subarray(AT.v6 + (base + row) * 16, AT.v6 + (base + row + 1) * 16)
      const address = Buffer.from(plain.subarray(at, at + length))
      expect(output[AT.lengths + base * 4 + row]).toBe({ 0: 0, 4: 4, 16: 6 }[length])
      expect(v4).toBe(length === 4 ? address.readUInt32BE() : 0)
      expect([...v6]).toEqual(length === 16 ? [...address] : Array.from({ length: 16 }, () => 0))
    } else if (kind === 'place') {
      const found = new Float64Array(output.buffer, AT.numbers)[base + row]!
      // Beyond 2^53 both are rounded, each in its own way, and refused by every column.
      if (Math.abs(wanted) <= Number.MAX_SAFE_INTEGER) expect(found).toBe(wanted === 0 ? 0 : wanted)
      else expect(Math.abs(found)).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
      expect(new Int32Array(output.buffer, AT.positions)[base + row]).toBe(twin.positions[base + row])
      expect(new Int32Array(output.buffer, AT.lengths)[base + row]).toBe(twin.lengths[base + row])
    } else {
      const view = new DataView(output.buffer, AT.numbers + base * 8)
      const stored = { u8: view.getUint8(row), u16: view.getUint16(row * 2, true), u32: view.getUint32(row * 4, true) }
      expect(stored[kind]).toBe(wanted)
    }
  }
}

describe('the kernel that walks Avro rows', () => {
  it('stores the values that its twin finds, or a fault where the twin finds one or the column cannot hold a value', () => {
    let good = 0
    let refused = 0
    const check = (
      { code, kinds }: { code: Int32Array; kinds: (Kind | undefined)[] },
      plain: Uint8Array,
      count: number,
      isCompiled: boolean,
    ) => {
      const twin = {
        stride: STRIDE,
        numbers: new Float64Array(ENTRIES),
        positions: new Int32Array(ENTRIES),
        lengths: new Int32Array(ENTRIES),
        present: new Uint8Array(ENTRIES).fill(1),
      }
      const expected = decodeRows(code, plain, 0, plain.length, count, twin)
      const input = new Uint8Array(plain.length + ROW_SLACK)
      input.set(plain)
      const targets = targetsOf(kinds, code)
      const { result, output } = runKernel(
        input,
        AT.v6 + ENTRIES * 16,
        (kernels, src, dst, extra) =>
          walkRows(
            kernels,
            isCompiled ? compileWalk(code, targets, 'own') : undefined,
            src,
            plain.length,
            dst,
            extra,
            count,
          ),
        (dst) => {
          const words = new Uint8Array(SLOTS * TARGET.words * 4)
          for (const [slot, target] of targets.entries())
            writeTarget(words.buffer, slot * TARGET.words * 4, target, dst)
          return Buffer.concat([words, new Uint8Array(code.buffer)])
        },
        (bytes) => bytes.fill(1, AT.present, AT.v6),
      )
      if (expected < 0) {
        expect(result).toBeLessThan(0)
        return
      }
      if (!fits(kinds, twin, count)) {
        refused++
        expect(result).toBe(FAULT.value)
        return
      }
      good += expected > 0 ? 1 : 0
      expect(result).toBe(expected)
      for (const [slot, kind] of kinds.entries()) if (kind) compare(kind, slot, count, output, twin, plain)
      expect([...output.subarray(AT.present, AT.v6)]).toEqual([...twin.present])
    }
    fc.assert(fc.property(program, rows, fc.integer({ min: 0, max: 5 }), fc.boolean(), check), { numRuns: 4000 })
    expect(good).toBeGreaterThan(300)
    expect(refused).toBeGreaterThan(30)
    expect(walked).toBeGreaterThan(200)
  })
})
