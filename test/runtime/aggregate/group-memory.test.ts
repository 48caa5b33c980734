import { describe, expect, it } from 'vitest'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { GroupLayout } from '../../../src/runtime/aggregate/group-layout.ts'
import type { KeyShare } from '../../../src/runtime/aggregate/group-memory.ts'
import { GroupMemory } from '../../../src/runtime/aggregate/group-memory.ts'
import type { AggregateSpec, Program } from '../../../src/runtime/program.ts'
import { seededRandom } from '../../seeded-random.ts'

const key: readonly ColumnSpec[] = [
  { name: 'src', type: 'address' },
  { name: 'port', type: 'u16' },
]
const value: readonly ColumnSpec[] = [{ name: 'octets', type: 'u53' }]
const aggregates: readonly AggregateSpec[] = [
  { name: 'octets', aggregate: 'sum', options: {}, type: 'u64', input: 'octets' },
  { name: 'flows', aggregate: 'count', options: {}, type: 'u53' },
]
const output: readonly ColumnSpec[] = [...key, { name: 'octets', type: 'u64' }, { name: 'flows', type: 'u53' }]
const layout = GroupLayout.for({ key, value, aggregates })!
const program = { key, output, sort: [{ column: 'octets', order: 'desc' }], fold: { type: 'aggregate' } }
const rows = layout.rowLayout(program as unknown as Program, true)!

/** Entries of random keys, some of which come often, and the sums by key. */
function randomEntries(count: number, keys: number, seed: number): { bytes: Uint8Array; sums: Map<string, bigint> } {
  const random = seededRandom(seed)
  const bytes = new Uint8Array(count * layout.strideBytes)
  const view = new DataView(bytes.buffer)
  const sums = new Map<string, bigint>()
  for (let i = 0; i < count; i++) {
    const at = i * layout.strideBytes
    const address = Math.floor(random() * keys)
    const octets = Math.floor(random() ** 3 * 2 ** 40)
    view.setUint32(at, address, true)
    view.setUint32(at + 4, address % 7, true)
    view.setFloat64(at + 8, 1, true)
    view.setFloat64(at + 16, octets, true)
    const name = `${address} ${address % 7}`
    sums.set(name, (sums.get(name) ?? 0n) + BigInt(octets))
  }
  return { bytes, sums }
}

/** Adds all entries up within a budget, as the reduce side does, and gives the rows of each run. */
function reduce(memory: GroupMemory, bytes: Uint8Array): string[][] {
  const runs: string[][] = []
  const drain = (): void => {
    const run: string[] = []
    memory.drain((frame, count) => {
      const size = frame.length / count
      for (let i = 0; i < count; i++) run.push(Buffer.from(frame.subarray(i * size, (i + 1) * size)).toString('hex'))
    })
    runs.push(run)
  }
  const frameBytes = layout.strideBytes * 1000
  const addAll = (share: KeyShare): boolean => {
    if (!memory.start(1000)) return false
    for (let at = 0; at < bytes.length; at += frameBytes)
      if (!memory.add(bytes.subarray(at, at + frameBytes), share)) return false
    return true
  }
  const open: KeyShare[] = [{ mask: 0, pass: 0 }]
  for (let share = open.pop(); share; share = open.pop()) {
    const { mask, pass } = share
    if (addAll(share)) memory.keep()
    else if (memory.kept > 0) {
      drain()
      open.push(share)
    } else open.push({ mask: mask * 2 + 1, pass }, { mask: mask * 2 + 1, pass: pass + mask + 1 })
  }
  drain()
  return runs
}

describe('the memory of groups', () => {
  it('gives every key once with its sum, in runs that are in order, however little of it there is', () => {
    for (const [entries, keys] of [
      [5000, 300],
      [150_000, 1_000_000],
    ] as const) {
      const { bytes, sums } = randomEntries(entries, keys, entries)
      const [small, large] = [2 << 20, 64 << 20].map((budget) => {
        const memory = new GroupMemory({ layout, rows, budgetBytes: budget })
        const runs = reduce(memory, bytes)
        memory.close()
        return runs
      }) as [string[][], string[][]]
      expect(large.length).toBe(1)
      expect(small.length > 1).toBe(entries > 100_000)
      for (const run of [...small, ...large]) expect(run).toEqual([...run].sort())
      expect(small.flat().sort()).toEqual(large.flat())
      const found = large[0]!.map((row): [string, bigint] => {
        const record = Buffer.from(row, 'hex')
        const octets = BigInt.asUintN(64, ~record.readBigUInt64BE(2))
        return [`${record.readUInt32BE(11)} ${record.readUInt16BE(15)}`, octets]
      })
      expect(new Map(found)).toEqual(sums)
    }
  })
  it('keeps the first rows of all when only so many are wanted, share by share', () => {
    const { bytes } = randomEntries(150_000, 60_000, 7)
    const all = reduce(new GroupMemory({ layout, rows, budgetBytes: 64 << 20 }), bytes)[0]!
    for (const limit of [1, 10, 5000, 40_000, 1_000_000]) {
      const memory = new GroupMemory({ layout, rows, budgetBytes: 64 << 20, limit })
      let keys = 0
      for (let pass = 0; pass < 64; pass++) {
        memory.start(1000)
        for (let at = 0; at < bytes.length; at += layout.strideBytes * 1000)
          memory.add(bytes.subarray(at, at + layout.strideBytes * 1000), { mask: 63, pass })
        keys += memory.keep()
      }
      const run: string[] = []
      memory.drain((frame, count) => {
        const size = frame.length / count
        for (let i = 0; i < count; i++) run.push(Buffer.from(frame.subarray(i * size, (i + 1) * size)).toString('hex'))
      })
      memory.close()
      expect(keys).toBe(all.length)
      expect(run).toEqual(all.slice(0, limit))
    }
  })

  it('adds up gathered entries as any others, all with keys of their own or most with one, and gathers none without room', () => {
    const frameBytes = layout.strideBytes * 1000
    for (const [entries, keys, limit] of [
      [40_000, 1_000_000],
      [40_000, 3],
      [60_000, 20_000, 100],
    ] as const) {
      const { bytes } = randomEntries(entries, keys, entries)
      const all = reduce(new GroupMemory({ layout, rows, budgetBytes: 64 << 20 }), bytes)[0]!
      const memory = new GroupMemory({ layout, rows, budgetBytes: 64 << 20, limit })
      let found = 0
      // Two gatherings of different keys: those of a share, and all others.
      for (const isFirst of [true, false]) {
        const some: Uint8Array[] = []
        for (let at = 0; at < bytes.length; at += layout.strideBytes) {
          const entry = bytes.subarray(at, at + layout.strideBytes)
          if ((entry[0]! % 3 === 0) === isFirst) some.push(entry)
        }
        const chosen = Buffer.concat(some)
        // Some bytes more, as of a file, whose frames have prefixes.
        expect(memory.gather(some.length, chosen.length + layout.strideBytes)).toBe(true)
        const collect = (entries: Uint8Array): boolean =>
          memory.collect(entries.length, (into) => {
            into.set(entries)
            return entries.length
          })
        for (let at = 0; at < chosen.length; at += frameBytes)
          expect(collect(chosen.subarray(at, at + frameBytes))).toBe(true)
        expect(collect(bytes.subarray(0, layout.strideBytes))).toBe(false)
        expect(collect(bytes.subarray(0, layout.strideBytes * 2))).toBe(false)
        found += memory.addGathered()
      }
      const run: string[] = []
      memory.drain((frame, count) => {
        const size = frame.length / count
        for (let i = 0; i < count; i++) run.push(Buffer.from(frame.subarray(i * size, (i + 1) * size)).toString('hex'))
      })
      memory.close()
      // With a limit, keys that a sketch shows to come behind it are not added up.
      if (limit) expect(found).toBeLessThan(all.length)
      else expect(found).toBe(all.length)
      expect(run).toEqual(all.slice(0, limit))
    }
    const small = new GroupMemory({ layout, rows, budgetBytes: 2 << 20 })
    expect([100_000, 100].map((entries) => small.gather(entries, entries * layout.strideBytes))).toEqual([false, false])
    small.close()
  })
})
