import { ByteBuffer } from '../shuffle/byte-buffer.ts'
import type { RecordSink } from '../shuffle/cursor.ts'
import type { GroupLayout } from './group-layout.ts'
import { sortByWords } from './sort.ts'

/** Returns what writes entries as records of an aggregate table, in order of key, to partition 0 of a sink. The states are as `Count` and `Sum` write them: a sum of an entry never leaves the low limb. */
export function entryWriter(layout: GroupLayout): (words: Uint32Array, sink: RecordSink) => void {
  const { packer, parts, strideBytes } = layout
  const places = parts.map((sum, i) => ({ isSum: sum >= 0, at: layout.numberAt(i) / 8 }))
  const stride = strideBytes / 4
  const key = new Uint8Array(packer.width * 8)
  const payload = new ByteBuffer()
  return (words, sink) => {
    const rows = Uint32Array.from({ length: words.length / stride }, (_, row) => row)
    const doubles = new Float64Array(words.buffer, words.byteOffset, words.length / 2)
    sortByWords(rows, words, packer.width, stride)
    for (const row of rows) {
      const keyEnd = packer.write(words, row, key, 0, stride)
      payload.length = 0
      for (const { isSum, at } of places) {
        if (isSum) payload.putByte(0)
        payload.putVarint(doubles[(row * strideBytes) / 8 + at]!)
      }
      sink.append(0, key, 0, keyEnd, payload.data, 0, payload.length)
    }
  }
}
