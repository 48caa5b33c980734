import { describe, expect, it } from 'vitest'
import { fuzz, readCorpus } from './mutate.ts'

const COUNT = 20_000

describe('the decoder', () => {
  it(`takes ${COUNT} mutated datagrams of the captures without a throw or a wrong row`, async () => {
    const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x1_0000_0000)
    const { rows, wrong } = fuzz(await readCorpus(), seed, COUNT)
    expect(wrong, `FUZZ_SEED=${seed}`).toBe(0)
    expect(rows).toBeGreaterThan(COUNT / 10)
  })
})
