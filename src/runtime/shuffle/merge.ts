import type { Cursor } from './cursor.ts'

/**
 * Merges sorted cursors into one, with a loser tree: each step replays one path of log2(k) matches. Records with equal keys come in the order of their cursors, so a
 * merge is stable. The first eight bytes of each head are kept as two numbers, which decide most matches.
 */
export function mergeCursors(cursors: readonly Cursor[]): Cursor {
  const [only] = cursors
  return only && cursors.length === 1 ? only : new MergeCursor(cursors)
}

class MergeCursor implements Cursor {
  bytes: Uint8Array = new Uint8Array(0)
  keyStart = 0
  keyEnd = 0
  payloadStart = 0
  payloadEnd = 0
  readonly #cursors: readonly Cursor[]
  /** Node 0 holds the winner, nodes 1 .. k-1 the loser of their match; leaf i hangs below node (i + k) / 2. */
  readonly #tree: Int32Array
  readonly #high: Uint32Array
  readonly #low: Uint32Array
  readonly #done: Uint8Array
  #started = false

  constructor(cursors: readonly Cursor[]) {
    this.#cursors = cursors
    this.#tree = new Int32Array(Math.max(1, cursors.length)).fill(-1)
    this.#high = new Uint32Array(cursors.length)
    this.#low = new Uint32Array(cursors.length)
    this.#done = new Uint8Array(cursors.length)
  }

  next(): boolean {
    if (this.#cursors.length === 0) return false
    if (this.#started) {
      const winner = this.#tree[0]!
      if (this.#done[winner]) return false
      this.#advance(winner)
      this.#replay(winner)
    } else this.#start()
    const winner = this.#tree[0]!
    if (this.#done[winner]) return false
    const head = this.#cursors[winner]!
    this.bytes = head.bytes
    this.keyStart = head.keyStart
    this.keyEnd = head.keyEnd
    this.payloadStart = head.payloadStart
    this.payloadEnd = head.payloadEnd
    return true
  }

  #start(): void {
    this.#started = true
    for (let i = 0; i < this.#cursors.length; i++) this.#advance(i)
    for (let i = 0; i < this.#cursors.length; i++) this.#seed(i)
  }

  /** Puts leaf `i` in while the tree fills: it waits at the first empty node, or plays those it meets. */
  #seed(leaf: number): void {
    const tree = this.#tree
    let winner = leaf
    for (let node = (leaf + tree.length) >> 1; node > 0; node >>= 1) {
      const waiting = tree[node]!
      if (waiting < 0) {
        tree[node] = winner
        return
      }
      if (this.#before(waiting, winner)) {
        tree[node] = winner
        winner = waiting
      }
    }
    tree[0] = winner
  }

  #replay(leaf: number): void {
    const tree = this.#tree
    let winner = leaf
    for (let node = (leaf + tree.length) >> 1; node > 0; node >>= 1) {
      const loser = tree[node]!
      if (this.#before(loser, winner)) {
        tree[node] = winner
        winner = loser
      }
    }
    tree[0] = winner
  }

  #advance(i: number): void {
    const cursor = this.#cursors[i]!
    if (!cursor.next()) {
      this.#done[i] = 1
      return
    }
    const { bytes, keyStart, keyEnd } = cursor
    this.#high[i] = headWord(bytes, keyStart, keyEnd)
    this.#low[i] = headWord(bytes, keyStart + 4, keyEnd)
  }

  /** Whether the head of cursor `a` comes before that of cursor `b`. */
  #before(a: number, b: number): boolean {
    if (this.#done[a] || this.#done[b]) return this.#done[a] === this.#done[b] ? a < b : this.#done[b] === 1
    if (this.#high[a] !== this.#high[b]) return this.#high[a]! < this.#high[b]!
    if (this.#low[a] !== this.#low[b]) return this.#low[a]! < this.#low[b]!
    const order = compareTails(this.#cursors[a]!, this.#cursors[b]!)
    return order === 0 ? a < b : order < 0
  }
}

/** Four bytes of a key as a number, zeros after its end; keys that differ only in such zeros are told apart by `compareTails`. */
function headWord(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  let word = 0
  for (let i = 0; i < 4; i++) word = (word << 8) | (at + i < end ? bytes[at + i]! : 0)
  return word >>> 0
}

/** Orders two keys whose first eight bytes are equal. */
function compareTails(a: Cursor, b: Cursor): number {
  const aLength = a.keyEnd - a.keyStart
  const bLength = b.keyEnd - b.keyStart
  const length = Math.min(aLength, bLength)
  const aBytes = a.bytes
  const bBytes = b.bytes
  const { keyStart: aStart } = a
  const { keyStart: bStart } = b
  for (let i = 8; i < length; i++) {
    const difference = aBytes[aStart + i]! - bBytes[bStart + i]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}
