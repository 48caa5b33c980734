import { describe, it } from 'vitest'
import { fc } from '../kit/fast-check.ts'
import { interleavings, runInterleaving } from '../storage/model/commands.ts'
import { soakCount } from './count.ts'

const RUNS = soakCount({ full: 10_000, sample: 300, variable: 'FLOWREDUCE_RUNS' })

describe('a store under several writers that may die at any call', () => {
  it(`shows in every snapshot what the log says after each of ${RUNS} random interleavings`, async () => {
    await fc.assert(fc.asyncProperty(interleavings, runInterleaving), { numRuns: RUNS })
  })
})
