import { crc32 } from 'node:zlib'
import { compressSync, uncompressSync } from 'snappy'
import type { BlockInfo, ChunkInfo } from '../../../src/storage/manifest/actions.ts'
import type { ColumnChunk } from '../../../src/storage/parquet/metadata.ts'
import { CODEC, PAGE, writeFooter, writePageHeader } from '../../../src/storage/parquet/metadata.ts'
import type { ReadPage } from '../../../src/storage/parquet/read-metadata.ts'
import { readFooter, readPageHeader } from '../../../src/storage/parquet/read-metadata.ts'
import { ThriftWriter } from '../../../src/storage/parquet/thrift.ts'

/** The same block with data pages V2 (apache/parquet-format, DataPageHeaderV2); the values of every second page are left plain. */
export function withV2Pages(
  bytes: Uint8Array,
  chunks: BlockInfo['chunks'],
): { bytes: Uint8Array; chunks: ChunkInfo[] } {
  const parts: Uint8Array[] = [bytes.subarray(0, 4)]
  let at = 4
  const add = (part: Uint8Array): void => {
    parts.push(part)
    at += part.length
  }
  const footerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true)
  const { leaves, groups } = readFooter(bytes.subarray(bytes.length - 8 - footerLength, bytes.length - 8))
  const moved: ChunkInfo[] = []
  const rewritten = groups.map(({ rows, columns }, i) => {
    const start = at
    const written = columns.map((chunk): ColumnChunk => {
      const offset = at
      let dataOffset = at
      for (const [k, page] of pagesOf(bytes, chunk).entries()) {
        if (page.header.type === PAGE.DICTIONARY) {
          add(writePageHeader(page.header))
          add(page.body)
          dataOffset = at
        } else for (const part of pageV2(chunk, page, k % 2 === 0)) add(part)
      }
      return { ...chunk, offset, dataOffset, sizeBytes: at - offset }
    })
    const [, , records, from, to] = chunks[i]!
    moved.push([start, at - start, records, from, to])
    return { rows, columns: written }
  })
  const footer = writeFooter(leaves, rewritten, {})
  add(footer)
  add(new Uint8Array(Uint32Array.of(footer.length).buffer))
  add(bytes.subarray(bytes.length - 4))
  return { bytes: Buffer.concat(parts), chunks: moved }
}

interface Page {
  readonly header: ReadPage
  readonly body: Uint8Array
}

function pagesOf(bytes: Uint8Array, { offset, sizeBytes }: ColumnChunk): Page[] {
  const pages: Page[] = []
  for (let at = offset; at < offset + sizeBytes; ) {
    const { page, next } = readPageHeader(bytes, at)
    at = next + page.packedBytes
    pages.push({ header: page, body: bytes.subarray(next, at) })
  }
  return pages
}

/** Header and body of a page: levels as they are, then the values, packed or not. */
function pageV2({ leaf, codec }: ColumnChunk, { header, body }: Page, isPacked: boolean): [Uint8Array, Uint8Array] {
  const plain = codec === CODEC.SNAPPY ? (uncompressSync(body) as Uint8Array) : body
  const levelBytes = leaf.optional ? new DataView(plain.buffer, plain.byteOffset).getUint32(0, true) : 0
  const levels = leaf.optional ? plain.subarray(4, 4 + levelBytes) : new Uint8Array(0)
  const values = leaf.optional ? plain.subarray(4 + levelBytes) : plain
  const stored = Buffer.concat([levels, isPacked && codec === CODEC.SNAPPY ? compressSync(values) : values])
  const out = new ThriftWriter()
  out.i32(1, PAGE.DATA_V2)
  out.i32(2, levels.length + values.length)
  out.i32(3, stored.length)
  out.i32(4, crc32(stored) | 0)
  out.struct(8, () => {
    out.i32(1, header.values)
    out.i32(2, 0)
    out.i32(3, header.values)
    out.i32(4, header.encoding)
    out.i32(5, levels.length)
    out.i32(6, 0)
    // Without the field values are packed.
    if (!isPacked) out.bool(7, false)
  })
  out.stop()
  return [out.bytes(), stored]
}
