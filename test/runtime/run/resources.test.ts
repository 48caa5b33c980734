import { describe, expect, it } from 'vitest'
import { LEAST_MEMORY_BYTES, shareResources } from '../../../src/runtime/run/resources.ts'

const MB = 1e6

describe('the memory of a run', () => {
  it('is shared out so that process, workers and attempts stay within it', () => {
    for (const memory of [LEAST_MEMORY_BYTES, 256 * MB, 512 * MB, 1000 * MB, 8000 * MB])
      for (const wanted of [1, 2, 8, 64]) {
        const { workers, attemptBytes } = shareResources(wanted, memory)
        expect(workers).toBeGreaterThan(0)
        expect(workers).toBeLessThanOrEqual(wanted)
        expect(80 * 2 ** 20 + workers * (60 * 2 ** 20 + attemptBytes)).toBeLessThanOrEqual(memory)
      }
  })

  it('means fewer workers where there is little of it', () => {
    expect(shareResources(8, 256 * MB).workers).toBe(1)
    expect(shareResources(8, 512 * MB).workers).toBe(3)
    expect(shareResources(8, 8000 * MB).workers).toBe(8)
  })
})
