import type { Kernels } from '../../src/kernels/kernels.ts'
import { loadKernels } from '../../src/kernels/load.ts'
import { KernelMemory, SLACK } from '../../src/kernels/memory.ts'

const memory = KernelMemory.create(8 << 20)
const kernels = loadKernels(memory)
/** The memory that kernels run in here. */
export const kernelMemory = memory.memory
const base = memory.mark

/** Bytes that must not be touched stand around every output. */
const GUARD = 0xa5

/** Runs one kernel on a copy of `input` and returns its result with the output bytes; checks that nothing beyond the slack was written. */
export function runKernel(
  input: Uint8Array,
  outputLength: number,
  call: (kernels: Kernels, src: number, dst: number, extra: number) => number,
  extra: Uint8Array | ((dst: number) => Uint8Array) = new Uint8Array(0),
  preset: (output: Uint8Array) => void = () => undefined,
): { result: number; output: Uint8Array } {
  memory.release(base)
  const src = memory.allocate(input.length)
  memory.bytes(src, input.length + SLACK).fill(GUARD)
  memory.bytes(src, input.length).set(input)
  const before = memory.allocate(64)
  const dst = memory.allocate(outputLength)
  const after = memory.allocate(64)
  const extraBytes = typeof extra === 'function' ? extra(dst) : extra
  const extraAt = memory.allocate(extraBytes.length)
  memory.bytes(extraAt, extraBytes.length).set(extraBytes)
  memory.bytes(before, 64).fill(GUARD)
  memory.bytes(dst, outputLength).fill(0)
  preset(memory.bytes(dst, outputLength))
  memory.bytes(after, 64).fill(GUARD)
  const result = call(kernels, src, dst, extraAt)
  if (!memory.bytes(before, 64).every((byte) => byte === GUARD)) throw new Error('kernel wrote in front of its output')
  if (!memory.bytes(after, 64).every((byte) => byte === GUARD))
    throw new Error('kernel wrote behind the slack of its output')
  return { result, output: memory.bytes(dst, outputLength).slice() }
}
