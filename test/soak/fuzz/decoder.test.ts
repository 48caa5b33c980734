import { describe, expect, it } from 'vitest'
import { fuzz, readCorpus } from '../../captures/mutate.ts'
import { soakCount } from '../count.ts'

/** Datagrams in all, and in each round: a round has a seed and a decoder of its own. */
const COUNT = soakCount({ full: 2_000_000, sample: 100_000, variable: 'FUZZ_DATAGRAMS' })
const ROUND = 100_000

const heapMegabytes = (): number => process.memoryUsage().heapUsed / 2 ** 20

describe('the decoder', () => {
  it(`takes ${COUNT} mutated datagrams of the captures: no throw, no wrong row, no growth of memory`, async () => {
    const corpus = await readCorpus()
    const first = Number(process.env.FUZZ_SEED ?? Date.now() % 0x1_0000_0000)
    process.stderr.write(`fuzz: ${COUNT} datagrams from FUZZ_SEED=${first}\n`)
    const heaps: number[] = []
    const started = performance.now()
    for (let round = 0; round * ROUND < COUNT; round++) {
      const { wrong } = fuzz(corpus, first + round, Math.min(ROUND, COUNT - round * ROUND))
      expect(wrong, `FUZZ_SEED=${first + round}`).toBe(0)
      globalThis.gc?.()
      heaps.push(heapMegabytes())
    }
    const seconds = (performance.now() - started) / 1000
    process.stderr.write(
      `fuzz: ${Math.round(COUNT / seconds)} datagrams/s, heap ${heaps.map(Math.round).join(' ')} MB\n`,
    )
    expect(Math.min(...heaps.slice(-3))).toBeLessThan(Math.max(...heaps.slice(0, 3)) + 100)
  })
})
