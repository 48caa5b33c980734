import { expect, it } from 'vitest'
import { BlockFuzz } from './fuzz.ts'

const CASES = 60

it('decoders of blocks refuse changed bytes or decode them as their twins do, and write nowhere else', async () => {
  const fuzz = new BlockFuzz()
  const before = await fuzz.whole()
  expect(before[0]).toBe(before[1])
  for (let seed = 1; seed <= CASES; seed++) {
    await fuzz.run(seed).catch((cause: unknown) => {
      throw new Error(`seed ${seed}`, { cause })
    })
  }
  const { decoded, refused } = fuzz.counts
  expect(decoded).toBeGreaterThan(0)
  expect(refused).toBeGreaterThan(CASES)
  expect(await fuzz.whole()).toEqual(before)
})
