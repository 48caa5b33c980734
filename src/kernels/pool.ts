import type { Kernels } from './kernels.ts'
import { loadKernels } from './kernels.ts'
import { KernelMemory } from './memory.ts'

/** A kernel instance with its memory, lent to one reader at a time. */
export interface KernelInstance {
  readonly memory: KernelMemory
  readonly kernels: Kernels
  readonly base: number
}

/** Instances that nobody holds. A thread rarely has more than two readers open, so this stays short. */
const idle: KernelInstance[] = []
const MAX_IDLE = 2

/** Lends an instance with at least `sizeBytes` of free memory; give it back with `returnKernels`. */
export function borrowKernels(sizeBytes: number): KernelInstance {
  const found = idle.findIndex(({ memory }) => memory.free >= sizeBytes)
  const [instance] = found < 0 ? [] : idle.splice(found, 1)
  if (instance) return instance
  const memory = new KernelMemory(sizeBytes)
  return { memory, kernels: loadKernels(memory), base: memory.mark }
}

/** Takes an instance back; views of its memory are no longer valid. */
export function returnKernels(instance: KernelInstance): void {
  instance.memory.release(instance.base)
  idle.push(instance)
  if (idle.length > MAX_IDLE) {
    idle.sort((a, b) => b.memory.sizeBytes - a.memory.sizeBytes)
    idle.pop()
  }
}
