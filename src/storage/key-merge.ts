/** Streams of keys in byte order, merged and compared without holding them. Keys are ASCII, so string order is byte order. */

/** Keys of several sorted streams as one sorted stream without repetitions. */
export async function* mergeKeys(streams: readonly AsyncIterable<string>[]): AsyncGenerator<string> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]())
  try {
    const heads = await Promise.all(iterators.map((iterator) => iterator.next()))
    let last: string | undefined
    for (;;) {
      let least = -1
      for (const [i, head] of heads.entries()) {
        if (head.done !== true && (least < 0 || head.value < heads[least]!.value)) least = i
      }
      if (least < 0) return
      const key: string = heads[least]!.value
      if (key !== last) yield key
      last = key
      heads[least] = await iterators[least]!.next()
    }
  } finally {
    await Promise.all(iterators.map((iterator) => iterator.return?.()))
  }
}

/** Pairs up two sorted streams by key: an item of either side with the one of the other side that has the same key, if any. */
export async function* joinByKey<A extends { readonly key: string }, B extends { readonly key: string }>(
  left: AsyncIterable<A>,
  right: AsyncIterable<B>,
): AsyncGenerator<{ readonly left?: A; readonly right?: B }> {
  const lefts = left[Symbol.asyncIterator]()
  const rights = right[Symbol.asyncIterator]()
  try {
    let a = await lefts.next()
    let b = await rights.next()
    while (a.done !== true || b.done !== true) {
      if (b.done === true || (a.done !== true && a.value.key < b.value.key)) {
        if (a.done !== true) yield { left: a.value }
        a = await lefts.next()
      } else if (a.done === true || b.value.key < a.value.key) {
        yield { right: b.value }
        b = await rights.next()
      } else {
        yield { left: a.value, right: b.value }
        a = await lefts.next()
        b = await rights.next()
      }
    }
  } finally {
    await Promise.all([lefts.return?.(), rights.return?.()])
  }
}
