import { describe, expect, it } from 'vitest'
import { KernelMemory } from '../../../src/kernels/memory.ts'
import { ByteRun } from '../../../src/storage/block/byte-run.ts'
import { FirstReads } from '../../../src/storage/block/first-read.ts'
import { RangePlaces } from '../../../src/storage/block/range-reader.ts'
import { readBlock } from '../../../src/storage/block/read.ts'
import { openObject } from '../../../src/storage/open-object.ts'
import type { BlockSource, OpenObject } from '../../../src/storage/store.ts'
import { rowsOf } from '../../flow/columns.ts'
import { fc } from '../../kit/fast-check.ts'
import { blockInfo, encodeRows, OneObject } from './blocks.ts'

/** A store whose objects are open for reading, and how many of their reads and of them are still so. */
function openStore(bytes: Uint8Array): BlockSource & { underWay: number; open(): Promise<OpenObject>; isOpen: number } {
  const inner = new OneObject(bytes)
  return {
    underWay: 0,
    isOpen: 0,
    read: inner.read.bind(inner),
    async open() {
      this.isOpen++
      return {
        readInto: async (target, offset) => {
          this.underWay++
          target.fill(0xaa)
          await new Promise(setImmediate)
          const part = bytes.subarray(offset, offset + target.length)
          target.set(part)
          this.underWay--
          return part.length
        },
        close: async () => {
          this.isOpen--
        },
      }
    },
  }
}

const cuts = (length: number, lengths: readonly number[]): { offset: number; length: number }[] => {
  let offset = 0
  return lengths.map((wanted) => {
    const range = { offset, length: Math.min(wanted, length - offset) }
    offset += range.length
    return range
  })
}

describe('ranges read into places of kernel memory', () => {
  it('are the bytes of the object, however they are cut and taken, and where it ends', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 3 << 20 }), { minLength: 1, maxLength: 6 })
    const takes = fc.array(fc.integer({ min: 1, max: 4 << 20 }), { minLength: 1, maxLength: 12 })
    const bytes = Uint8Array.from({ length: 9 << 20 }, (_, i) => i ^ (i >>> 8) ^ (i >>> 16))
    const property = fc.asyncProperty(lengths, takes, fc.integer({ min: 1, max: 3 }), async (cut, taken, ahead) => {
      const ranges = cuts(20 << 20, cut)
      const end = Math.min(bytes.length, ranges.at(-1)!.offset + ranges.at(-1)!.length)
      const rangeBytes = Math.max(...ranges.map(({ length }) => length))
      const memory = KernelMemory.create(RangePlaces.bytesNeeded(rangeBytes, ahead))
      const store = openStore(bytes)
      const reader = new RangePlaces({ object: await openObject(store, 'x'), memory, rangeBytes, ahead })
      const run = new ByteRun(reader, ranges)
      for (const length of taken) {
        const at = run.position
        if (at + length > end) {
          await expect(run.ensure(length)).rejects.toThrow(`got ${end - at}`)
          break
        }
        await run.ensure(length)
        expect(Buffer.compare(run.bytes.subarray(run.at, run.at + length), bytes.subarray(at, at + length))).toBe(0)
        run.at += length
      }
      await reader.close()
      expect([store.underWay, store.isOpen]).toEqual([0, 0])
    })
    await fc.assert(property, { numRuns: 40 })
  })

  it('hold sync-blocks that begin in one and end in another, or are larger than any', async () => {
    const random = fc.sample(fc.uint8Array({ minLength: 3000, maxLength: 3000 }), { numRuns: 40, seed: 1 })
    const columns = [{ name: 'data', type: 'bytes' }] as const
    const rows = Array.from({ length: 4000 }, (_, n) => [
      Buffer.from(random[n % 40]!.map((byte) => byte ^ (n * 7))).toString('hex'),
    ])
    for (const recordsPerSync of [80, 450, 2000]) {
      const block = encodeRows(columns, rows, { recordsPerSync })
      const info = blockInfo(block)
      const [offset] = info.chunks[0]!
      const length = info.sizeBytes - offset
      const whole = { ...info, chunks: [[offset, length, rows.length, 0, 0] as const] }
      const store = openStore(block.bytes)
      const read: unknown[] = []
      for await (const { batch } of readBlock({ store, block: whole, schema: block.schema, columns }))
        read.push(...rowsOf(columns, batch))
      expect(read).toEqual(rows)
      for await (const _ of readBlock({ store, block: whole, schema: block.schema, columns })) break
      expect([store.underWay, store.isOpen]).toEqual([0, 0])
    }
  })

  it('are those asked for early, where one is', async () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => i)
    const asked: string[] = []
    const inner = openStore(bytes)
    const store: BlockSource = {
      readsAhead: 2,
      read: (key, range) => {
        asked.push('read')
        return inner.read(key, range)
      },
      open: async () => {
        const object = await inner.open()
        const readInto = (target: Uint8Array, offset: number): Promise<number> => {
          asked.push('readInto')
          return object.readInto(target, offset)
        }
        return { ...object, readInto }
      },
    }
    const reads = new FirstReads(store)
    reads.begin('x', { offset: 60, length: 50 })
    const object = await openObject(reads.source, 'x')
    const target = new Uint8Array(50)
    for (let i = 0; i < 2; i++) {
      target.fill(0)
      expect(await object.readInto(target, 60)).toBe(40)
      expect([...target.subarray(0, 40)]).toEqual([...bytes.subarray(60)])
    }
    expect(asked).toEqual(['read', 'readInto'])
  })
})
