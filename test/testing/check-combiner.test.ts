import { describe, expect, it } from 'vitest'
import { count, defineAggregate, defineJob, sum, u16, u32, u53 } from '../../src/index.ts'
import { checkCombiner } from '../../src/testing.ts'

/** A job whose reduce sums, with some combine. */
const summing = (combine: 'right' | 'first' | 'count') =>
  defineJob({
    name: `sum-${combine}`,
    description: 'x',
    reads: ['dstPort', 'packets'],
    key: { port: u16() },
    value: { n: u32(), seen: u32() },
    output: { port: u16(), n: u32(), seen: u32() },
    map(flow, emit) {
      emit({ port: flow.dstPort }, { n: flow.packets, seen: 1 })
    },
    combine(_key, values, emit) {
      const all = [...values]
      const n = all.reduce((total, value) => total + value.n, 0)
      const seen = all.reduce((total, value) => total + value.seen, 0)
      if (combine === 'right') emit({ n, seen })
      if (combine === 'first') emit({ n: all[0]!.n, seen })
      if (combine === 'count') emit({ n, seen: all.length })
    },
    reduce(key, values, out) {
      let n = 0
      let seen = 0
      for (const value of values) {
        n += value.n
        seen += value.seen
      }
      out({ ...key, n, seen })
    },
  })

const aggregateOf = (merge: (state: { n: number }, other: { n: number }) => void) =>
  defineAggregate({
    name: 'own',
    input: u53(),
    output: u53(),
    state: { n: u53() },
    init: () => ({ n: 0 }),
    add(state, value) {
      state.n = Math.max(state.n, value)
    },
    merge,
    result: ({ n }) => n,
  })

describe('checkCombiner', () => {
  it('accepts a combine that may run any number of times', () => {
    checkCombiner(summing('right'))
    const flows = Array.from({ length: 50 }, (_, i) => ({ dstPort: i % 3, packets: i * 7 }))
    checkCombiner(summing('right'), { flows })
  })

  it('refuses one that loses values, with a small counterexample and the seed', () => {
    expect(() => checkCombiner(summing('first'), { seed: 5 })).toThrowError(
      /^job sum-first: combine changed the result of key .*: expected .*, got .* after combining .*\(seed 5\)$/,
    )
    const flows = [1, 1, 2].map((packets) => ({ dstPort: 9, packets }))
    expect(() => checkCombiner(summing('first'), { flows })).toThrowError(/key \{"port":9\}/)
  })

  it('refuses one that is right once but not twice', () => {
    const flows = Array.from({ length: 4 }, (_, packets) => ({ dstPort: 9, packets }))
    expect(() => checkCombiner(summing('count'), { flows })).toThrowError(/, then /)
  })

  it('checks the aggregates that a job brings along', () => {
    const job = (own: ReturnType<typeof aggregateOf>) =>
      defineJob({ name: 'own', description: 'x', groupBy: {}, aggregate: { n: count(), most: own('bytes') } })
    checkCombiner(
      job(
        aggregateOf((state, other) => {
          state.n = Math.max(state.n, other.n)
        }),
      ),
    )
    expect(() =>
      checkCombiner(
        job(
          aggregateOf((state, other) => {
            state.n = other.n
          }),
        ),
      ),
    ).toThrowError(/^job own: aggregate most depends on order or grouping: expected \d+, got \d+ for \[/)
  })

  it('says when there is nothing to check', () => {
    const uncombined = defineJob({
      name: 'uncombined',
      description: 'x',
      reads: [],
      key: {},
      value: { n: u32() },
      output: { n: u32() },
      map() {},
      reduce() {},
    })
    expect(() => checkCombiner(uncombined)).toThrowError('job uncombined: expected a combine to check, got none')
    const plain = defineJob({ name: 'plain', description: 'x', groupBy: {}, aggregate: { n: sum('bytes') } })
    expect(() => checkCombiner(plain)).toThrowError(
      /expected a combine or an aggregate of its own to check, got neither/,
    )
    expect(() => checkCombiner(summing('right'), { flows: [] })).toThrowError(
      /expected flows for which map emits, got none/,
    )
  })
})
