import { Upkeep } from '../storage/replica/upkeep.ts'
import type { ObjectStore } from '../storage/store.ts'
import { note } from './output.ts'

/** Does work that may take long while a replica set is kept in order beside it; over any other store it is just the work. */
export async function withUpkeep<Result>(store: ObjectStore, work: () => Promise<Result>): Promise<Result> {
  const upkeep = Upkeep.of(store, { onNote: (text) => note(`replica set: ${text}`, 'warning') })
  try {
    return await work()
  } finally {
    await upkeep?.stop()
  }
}
