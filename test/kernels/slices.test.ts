import { describe, expect, it } from 'vitest'
import { writeStep } from '../../src/kernels/groups.ts'
import { loadKernels } from '../../src/kernels/load.ts'
import { KernelMemory } from '../../src/kernels/memory.ts'
import { SKETCH, SKETCH_DOUBLES } from '../../src/kernels/sketch.ts'
import * as twins from '../../src/kernels/slices.ts'
import { fc } from '../kit/fast-check.ts'
import { seededRandom } from '../seeded-random.ts'

const memory = KernelMemory.create(4 << 20)
const kernels = loadKernels(memory)
const base = memory.mark
const PREFIX = 8

/** The steps that write any key of so many words in some way or other. */
function someProgram(width: number, random: () => number): number[] {
  const kinds = ['byte', 'u8', 'u16', 'u32'] as const
  const steps = Array.from({ length: width }, (_, w) =>
    writeStep(kinds[Math.floor(random() * 4)]!, w * 4, random() < 0.3),
  )
  return width >= 2 && random() < 0.3 ? [writeStep('u64', 0, random() < 0.5), ...steps] : steps
}

const widths = fc.integer({ min: 1, max: 6 })
/** Counters of a slice, as a power of two, and how heavy entries are kept. */
const sketches = fc.record({ shift: fc.nat(3), room: fc.nat(9), times: fc.constantFrom(0.25, 1, 4) })
const entriesOfFrames = fc.integer({ min: 1, max: 20 })

describe('the kernel of slices agrees with its twin', () => {
  it('when it gives entries to frames and adds them to a sketch, in several calls', () => {
    fc.assert(
      fc.property(
        ...[widths, fc.nat(3), fc.nat(300), fc.nat(), fc.integer({ min: 1, max: 40 }), entriesOfFrames, sketches],
        (width, sums, rows, seed, slices, frameEntries, { shift, room, times }) => {
          memory.release(base)
          const random = seededRandom(seed)
          const numbers = (width * 4 + 7) & ~7
          const stride = numbers + sums * 8
          const { buffer } = memory.memory
          const [words, doubles] = [new Uint32Array(buffer), new Float64Array(buffer)]
          const entries = memory.allocate(rows * stride)
          for (let at = entries; at < entries + rows * stride; at += stride) {
            for (let w = 0; w < numbers / 4; w++) words[at / 4 + w] = Math.floor(random() * 2 ** (w % 2 ? 3 : 32))
            for (let s = 0; s < sums; s++) doubles[(at + numbers) / 8 + s] = Math.floor(random() * 2 ** 45)
          }
          const steps = someProgram(width, random)
          const program = memory.allocate(steps.length * 4)
          words.set(steps, program / 4)
          const frameBytes = PREFIX + frameEntries * stride
          const frames = slices + Math.ceil(rows / frameEntries)
          const [framesAt, owners] = [memory.allocate(frames * frameBytes), memory.allocate(frames * 2)]
          const stateBytes = twins.sliceAt(0, slices)
          const at = memory.allocate(stateBytes)
          memory.bytes(framesAt, memory.mark - framesAt).fill(0)
          const counters = slices << shift
          const [sketch, heavy] = [memory.allocate(48 + counters * 8), memory.allocate((room + 1) * stride)]
          memory.bytes(sketch, memory.mark - sketch).fill(0)
          words.set([shift, numbers, heavy, 0, room], sketch / 4)
          doubles[sketch / 8 + SKETCH_DOUBLES.times] = times
          const isSketched = sums > 0 && room > 0
          words.set([slices, framesAt, frameBytes, 0, owners, isSketched ? sketch : 0], at / 4)
          const bytes = memory.bytes(0, memory.sizeBytes).slice()
          const twin = {
            ...{ bytes, words: new Uint32Array(bytes.buffer), doubles: new Float64Array(bytes.buffer) },
            integers: new BigUint64Array(bytes.buffer),
          }
          const first = Math.floor(random() * (rows + 1))
          for (const [from, count] of [
            [entries, first],
            [entries + first * stride, rows - first],
          ] as const) {
            twins.slicesAdd(twin, from, count, stride, numbers, program, steps.length, at)
            kernels.slicesAdd(from, count, stride, numbers, program, steps.length, at)
          }
          for (const [start, length] of [
            [framesAt, frames * frameBytes],
            [owners, frames * 2],
            [at, stateBytes],
            [sketch, 48 + counters * 8],
            [heavy, (words[sketch / 4 + SKETCH.length] ?? 0) * stride],
          ] as const)
            expect(Buffer.compare(memory.bytes(start, length), bytes.subarray(start, start + length))).toBe(0)
        },
      ),
      { numRuns: 300 },
    )
  })
})
