/** Streams of things with keys, in byte order of their keys, merged and joined without holding them. Keys are ASCII, so string order is byte order. */

export interface Keyed {
  readonly key: string
}

/** Several sorted streams as one; things with equal keys follow one another. */
export async function* mergeByKey<T extends Keyed>(streams: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]())
  try {
    const heads = await Promise.all(iterators.map((iterator) => iterator.next()))
    for (;;) {
      let least = -1
      for (const [i, head] of heads.entries()) {
        if (head.done !== true && (least < 0 || head.value.key < heads[least]!.value.key)) least = i
      }
      if (least < 0) return
      yield heads[least]!.value
      heads[least] = await iterators[least]!.next()
    }
  } finally {
    await Promise.all(iterators.map((iterator) => iterator.return?.()))
  }
}

/** All things of two sorted streams, paired up where their keys are equal. On the right each key may occur any number of times. */
export async function* joinByKey<A extends Keyed, B extends Keyed>(
  left: AsyncIterable<A>,
  right: AsyncIterable<B>,
): AsyncGenerator<{ readonly key: string; readonly left?: A; readonly right?: B }> {
  const lefts = left[Symbol.asyncIterator]()
  const rights = right[Symbol.asyncIterator]()
  try {
    let [a, b] = await Promise.all([lefts.next(), rights.next()])
    for (;;) {
      const aKey = a.done === true ? undefined : a.value.key
      const bKey = b.done === true ? undefined : b.value.key
      if (aKey === undefined && bKey === undefined) return
      if (bKey === undefined || (aKey !== undefined && aKey < bKey)) {
        yield { key: a.value.key, left: a.value }
        a = await lefts.next()
        continue
      }
      const { value } = b
      if (aKey !== bKey) yield { key: bKey, right: value }
      else yield { key: bKey, left: a.value, right: value }
      b = await rights.next()
      // A left that has met all its rights is done with.
      if (aKey === bKey && (b.done === true || b.value.key !== aKey)) a = await lefts.next()
    }
  } finally {
    await Promise.all([lefts.return?.(), rights.return?.()])
  }
}
