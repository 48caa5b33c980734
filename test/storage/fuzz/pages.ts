import { crc32 } from 'node:zlib'
import type { PageTarget } from '../../../src/kernels/parquet.ts'
import {
  decodeDelta,
  decodeDictionary,
  decodePlain32,
  decodePlain64,
  decodePlain128,
} from '../../../src/kernels/parquet.ts'
import { snappyDecompress } from '../../../src/kernels/snappy.ts'
import type { Leaf } from '../../../src/storage/parquet/leaves.ts'
import { leavesOf } from '../../../src/storage/parquet/leaves.ts'
import { CODEC, ENCODING, PAGE, writePageHeader } from '../../../src/storage/parquet/metadata.ts'
import { readFooter, readPageHeader } from '../../../src/storage/parquet/read-metadata.ts'
import { runKernel } from '../../kernels/harness.ts'
import type { RealBlock } from './corpus.ts'
import { COLUMNS } from './corpus.ts'

/** A page of a real block. */
export interface RealPage {
  readonly leaf: Leaf
  readonly type: number
  readonly encoding: number
  readonly values: number
  /** Where the header begins, the packed bytes begin, and they end. */
  readonly at: number
  readonly body: number
  readonly end: number
  readonly isPacked: boolean
  /** What the kernels decode; of sparse pages without their levels. */
  readonly plain: Uint8Array
  /** Values of the dictionary as they stand in memory. */
  readonly entries: PageTarget
}

export const footerOf = ({ bytes, block }: RealBlock): Uint8Array => {
  const [offset = 0, length = 0] = block.chunks.at(-1) ?? []
  return bytes.subarray(offset + length, bytes.length - 8)
}

/** All pages of a Parquet block. */
export function pagesOf(real: RealBlock): RealPage[] {
  const leaves = leavesOf(COLUMNS)
  const pages: RealPage[] = []
  for (const group of readFooter(footerOf(real)).groups) {
    for (const [i, chunk] of group.columns.entries()) {
      const leaf = leaves[i]!
      let entries = arrayOf(leaf, 0)
      for (let at = chunk.offset; at < chunk.offset + chunk.sizeBytes; ) {
        const { page, next } = readPageHeader(real.bytes, at)
        const end = next + page.packedBytes
        const isPacked = chunk.codec === CODEC.SNAPPY
        const body = isPacked ? unpack(real.bytes.subarray(next, end), page.plainBytes) : real.bytes.subarray(next, end)
        const levels = leaf.layout === 'sparse' && page.type === PAGE.DATA ? body.slice(0, 4) : undefined
        const plain = levels ? body.subarray(4 + new DataView(levels.buffer).getUint32(0, true)) : body
        if (page.type === PAGE.DICTIONARY) {
          entries = arrayOf(leaf, page.values)
          decodePlain(leaf, plain, page.values, entries)
        }
        const { type, encoding, values } = page
        pages.push({ leaf, type, encoding, values, at, body: next, end, isPacked, plain, entries })
        at = end
      }
    }
  }
  return pages
}

function unpack(packed: Uint8Array, length: number): Uint8Array {
  const plain = new Uint8Array(length)
  if (snappyDecompress(packed, plain) !== length) throw new Error('a real page expected, got another')
  return plain
}

function arrayOf({ bytes }: Leaf, count: number): PageTarget {
  if (bytes === 2) return new Uint16Array(count)
  if (bytes === 4) return new Uint32Array(count)
  if (bytes === 8) return new Float64Array(count)
  return new Uint8Array(count * bytes)
}

function decodePlain({ bytes }: Leaf, plain: Uint8Array, count: number, target: PageTarget): number {
  if (bytes === 16) return decodePlain128(plain, count, target as Uint8Array)
  if (bytes === 8) return decodePlain64(plain, count, target as Float64Array)
  return decodePlain32(plain, count, target as Uint32Array)
}

const SUFFIX = { 1: '8', 2: '16', 4: '32', 8: '64', 16: '128' } as const
const PLAIN_SUFFIX = { ...SUFFIX, 4: '4' } as const

/** Decodes changed bytes of a page by the kernel and by its twin; throws when they differ, or when the kernel wrote where it must not. */
export function comparePage({ leaf, encoding, values, entries }: RealPage, plain: Uint8Array): void {
  const target = arrayOf(leaf, values)
  const { expected, found } = decodeBoth(leaf, { encoding, values, entries, plain, target })
  const isSame = Buffer.compare(found.output, new Uint8Array(target.buffer)) === 0
  if (found.result !== expected || (expected === 0 && !isSame))
    throw new Error(`${leaf.name}, encoding ${encoding}: twin says ${expected}, kernel ${found.result}`)
}

function decodeBoth(
  leaf: Leaf,
  page: { encoding: number; values: number; entries: PageTarget; plain: Uint8Array; target: PageTarget },
): { expected: number; found: { result: number; output: Uint8Array } } {
  const { encoding, values, entries, plain, target } = page
  const { bytes } = leaf
  const size = target.byteLength
  if (encoding === ENCODING.RLE_DICTIONARY) {
    const width = bytes === 16 ? 16 : 1
    const count = entries.length / width
    const raw = new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength)
    return {
      expected: decodeDictionary(plain, values, entries, count, target, width),
      found: runKernel(
        plain,
        size,
        (kernels, src, dst, extra) =>
          kernels[`dictionary${SUFFIX[bytes]}`](src, plain.length, values, extra, count, dst),
        raw,
      ),
    }
  }
  if (encoding === ENCODING.DELTA_BINARY_PACKED && bytes !== 16) {
    return {
      expected: decodeDelta(plain, values, target),
      found: runKernel(plain, size, (kernels, src, dst) =>
        kernels[`delta${SUFFIX[bytes]}`](src, plain.length, values, dst),
      ),
    }
  }
  return {
    expected: decodePlain(leaf, plain, values, target),
    found: runKernel(plain, size, (kernels, src, dst) =>
      kernels[`plain${PLAIN_SUFFIX[bytes]}`](src, plain.length, values, dst),
    ),
  }
}

/** A block with a page changed, and its checksum right; undefined when the header would not have the length it had. */
export function withPage({ bytes, ...rest }: RealBlock, page: RealPage, body: Uint8Array): RealBlock | undefined {
  const before = readPageHeader(bytes, page.at).page
  const header = writePageHeader({ ...before, crc32: crc32(body) })
  if (header.length !== page.body - page.at || body.length !== page.end - page.body) return undefined
  const changed = new Uint8Array(bytes)
  changed.set(header, page.at)
  changed.set(body, page.body)
  return { ...rest, bytes: changed }
}
