import { describe, expect, it, onTestFinished } from 'vitest'
import { startEarly } from '../../../src/runtime/run/early-workers.ts'
import { shareResources } from '../../../src/runtime/run/resources.ts'
import { openMemoryStore } from '../../../src/storage/memory-store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import type { FlowStore } from '../../kit/flow-store.ts'
import { storeFlows, testFlows } from '../../kit/flow-store.ts'
import { addUnreadableBlocks } from '../../kit/large-store.ts'

const system = seededSystem(1)
const smallStore = (): Promise<FlowStore> => storeFlows({ store: openMemoryStore({ system }), system }, testFlows(100))

async function largeStore(): Promise<FlowStore> {
  const stored = await smallStore()
  await addUnreadableBlocks(stored, 1)
  return stored
}

async function start(
  { manifest, store }: FlowStore,
  options: Omit<Parameters<typeof startEarly>[1], 'hasCode' | 'bundle' | 'storeUrl'>,
) {
  const runner = startEarly(await manifest.snapshot(), {
    ...options,
    hasCode: true,
    bundle: undefined,
    storeUrl: store.url,
  })
  if (runner) onTestFinished(() => runner.close())
  return runner
}

describe('workers', () => {
  it('are started early when there is much to read', async () => {
    expect((await start(await largeStore(), { workers: 2 }))?.slots).toBe(2)
  })

  it('are not when there is little, or when this thread is to do the work', async () => {
    expect(await start(await smallStore(), { workers: 2 })).toBeUndefined()
    expect(await start(await largeStore(), { workers: 2, runner: 'inline' })).toBeUndefined()
  })

  it('are as few as the run will have where there is little memory', async () => {
    for (const memoryBytes of [160e6, 256e6, 512e6]) {
      const runner = await start(await largeStore(), { workers: 8, memoryBytes })
      expect(runner?.slots).toBe(shareResources(8, memoryBytes).workers)
      expect(runner?.slots).toBeLessThan(8)
    }
  })
})
