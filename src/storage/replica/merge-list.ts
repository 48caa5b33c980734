import type { ObjectEntry } from '../store.ts'

/** One entry and which of the merged listings had it. */
export interface MergedEntry {
  readonly entry: ObjectEntry
  /** Indexes of the listings that had this key. */
  readonly sources: readonly number[]
}

/** Merges listings, each in byte order, into one; holds one entry of each. The entry shown is that of the first listing that has the key. */
export async function* mergeLists(lists: readonly AsyncIterable<ObjectEntry>[]): AsyncIterable<MergedEntry> {
  const iterators = lists.map((list) => list[Symbol.asyncIterator]())
  const next = async (index: number): Promise<ObjectEntry | undefined> => {
    const step = await iterators[index]?.next()
    return step?.done === false ? step.value : undefined
  }
  try {
    const heads = await Promise.all(iterators.map((_, index) => next(index)))
    for (;;) {
      let least: ObjectEntry | undefined
      for (const head of heads) if (head && (least === undefined || head.key < least.key)) least = head
      if (least === undefined) return
      const { key } = least
      const sources = [...heads.keys()].filter((index) => heads[index]?.key === key)
      yield { entry: least, sources }
      for (const index of sources) heads[index] = await next(index)
    }
  } finally {
    await Promise.allSettled(iterators.map((iterator) => iterator.return?.()))
  }
}
