/**
 * The key to forget first: entries in order of arrival, each used one since the last look passed over once (the clock algorithm).
 * A look costs amortised constant time, whatever a flood does.
 */
export function leastUsed<K>(entries: Map<K, { used: boolean }>): K {
  for (;;) {
    const next = entries.entries().next()
    if (next.done) throw new RangeError('ledger: entries to forget expected at least one, got none')
    const [key, entry] = next.value
    if (!entry.used) return key
    entry.used = false
    entries.delete(key)
    entries.set(key, entry)
  }
}
