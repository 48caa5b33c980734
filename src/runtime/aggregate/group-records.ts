import { ByteBuffer } from '../shuffle/byte-buffer.ts'
import type { RecordSink } from '../shuffle/cursor.ts'
import type { EntryLayout } from './entry-layout.ts'
import { partitionOf } from './hash.ts'
import { sortByPartition, sortByWords } from './sort.ts'

/** Writes entries as records of an aggregate table, in order of partition and key. */
export type EntryWriter = (words: Uint32Array, sink: RecordSink, partitions?: number) => void

/** Returns what writes entries as records. The states are as `Count` and `Sum` write them: a sum of an entry never leaves the low limb. */
export function entryWriter(layout: EntryLayout): EntryWriter {
  const { keys, parts, strideBytes } = layout
  const places = parts.map((sum, i) => ({ isSum: sum >= 0, at: layout.numberAt(i) / 8 }))
  const stride = strideBytes / 4
  const key = new Uint8Array(keys.width * 8)
  const payload = new ByteBuffer()
  return (words, sink, partitions = 1) => {
    const sorted = Uint32Array.from({ length: words.length / stride }, (_, row) => row)
    const doubles = new Float64Array(words.buffer, words.byteOffset, words.length / 2)
    sortByWords(sorted, words, keys.width, stride)
    const of = new Uint16Array(partitions === 1 ? 0 : sorted.length)
    for (let row = 0; row < of.length; row++)
      of[row] = partitionOf(key, 0, keys.write(words, row, key, 0, stride), partitions)
    const rows = partitions === 1 ? sorted : sortByPartition(sorted, of, new Uint32Array(partitions))
    for (const row of rows) {
      const keyEnd = keys.write(words, row, key, 0, stride)
      payload.length = 0
      for (const { isSum, at } of places) {
        if (isSum) payload.putByte(0)
        payload.putVarint(doubles[(row * strideBytes) / 8 + at]!)
      }
      sink.append(of[row] ?? 0, key, 0, keyEnd, payload.data, 0, payload.length)
    }
  }
}
