import type { Kernels } from './kernels.ts'
import { loadKernels } from './load.ts'
import { KernelMemory } from './memory.ts'

/** A kernel instance with its memory, lent to one reader at a time. */
export interface KernelInstance {
  readonly memory: KernelMemory
  readonly kernels: Kernels
  /** Where what is lent begins. */
  readonly base: number
  /** Whether it is a part of an instance that is lent as a whole to somebody else. */
  readonly isPart: boolean
}

/** Instances that nobody holds; a thread rarely has more than a reader or two and a table. */
const idle: KernelInstance[] = []
const MAX_IDLE = 4
/** An instance that is larger than what is asked for by this factor is kept for who needs it. */
const MAX_EXCESS = 4

/**
 * Lends an instance with at least `sizeBytes` of free memory, holding any bytes; give it back with `returnKernels`. When `beside`, which is lent already,
 * has as much free, it is the free part of that, so that what the borrower leaves there can be read where it lies; parts are given back in reverse order.
 */
export function borrowKernels(sizeBytes: number, beside?: KernelInstance): KernelInstance {
  if (beside && beside.memory.free >= sizeBytes) return { ...beside, base: beside.memory.mark, isPart: true }
  const fits = ({ memory }: KernelInstance): boolean =>
    memory.free >= sizeBytes && memory.free <= sizeBytes * MAX_EXCESS + (4 << 20)
  const found = idle.findIndex(fits)
  const [instance] = found < 0 ? [] : idle.splice(found, 1)
  if (instance) return instance
  const memory = KernelMemory.create(sizeBytes)
  return { memory, kernels: loadKernels(memory), base: memory.mark, isPart: false }
}

/** Takes an instance back; views of its memory are no longer valid. The one that was idle longest goes when there are too many. */
export function returnKernels(instance: KernelInstance): void {
  instance.memory.release(instance.base)
  if (instance.isPart) return
  idle.push(instance)
  if (idle.length > MAX_IDLE) idle.shift()
}
