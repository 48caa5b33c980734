import { expect, it } from 'vitest'
import { BlockFuzz } from '../../storage/fuzz/fuzz.ts'
import { soakCount } from '../count.ts'

/** Rounds, each of a changed page, snappy data, footer, page header and of four changed blocks. */
const COUNT = soakCount({ full: 5000, sample: 200, variable: 'FUZZ_BLOCKS' })

it(`decoders of blocks stand ${COUNT} rounds of changed bytes: no trap, no wrong byte, no endless loop`, async () => {
  const first = Number(process.env.FUZZ_SEED ?? Date.now() % 0x1_0000_0000)
  process.stderr.write(`fuzz: ${COUNT} rounds from FUZZ_SEED=${first}\n`)
  const fuzz = new BlockFuzz()
  const before = await fuzz.whole()
  for (let round = 0; round < COUNT; round++) {
    await fuzz.run(first + round).catch((cause: unknown) => {
      throw new Error(`FUZZ_SEED=${first + round} FUZZ_BLOCKS=1`, { cause })
    })
  }
  const { cases, decoded, refused } = fuzz.counts
  process.stderr.write(`fuzz: ${cases} readings, ${decoded} decoded, ${refused} refused\n`)
  expect(await fuzz.whole()).toEqual(before)
})
