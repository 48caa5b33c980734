import type { ArrayMaker } from '../../flow/column.ts'
import type { KernelInstance } from '../../kernels/pool.ts'

/** Makes arrays in kernel memory, where tables read them and kernels compute them; undefined when less than `leastBytes` of it is free. */
export function roomIn(kernels: KernelInstance | undefined, leastBytes: number): ArrayMaker | undefined {
  if (!kernels || kernels.memory.free < leastBytes) return undefined
  return (type, length) => kernels.memory.array(type, length)
}
