import { describe, expect, it } from 'vitest'
import { LocalRunner } from '../../../src/runtime/runner/local-runner.ts'

const options = { workers: 2, heapBytes: 128 << 20, tasksPerPool: 8 }

describe('a local runner', () => {
  it('that was started early can be closed without having run anything, at any time', async () => {
    const early = new LocalRunner(options)
    early.start(2)
    await early.close()
    const ready = new LocalRunner(options)
    ready.start(2)
    await new Promise((resolve) => setTimeout(resolve, 50))
    await ready.close()
    await expect(ready.close()).resolves.toBeUndefined()
  })
})
