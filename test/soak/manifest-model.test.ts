import fc from 'fast-check'
import { describe, it } from 'vitest'
import { interleavings, runInterleaving } from '../storage/model/commands.ts'

const RUNS = process.env.FLOWREDUCE_SOAK === 'sample' ? 300 : 10_000

describe('a store under several writers that may die at any call', () => {
  it(`shows in every snapshot what the log says after each of ${RUNS} random interleavings`, async () => {
    await fc.assert(fc.asyncProperty(interleavings, runInterleaving), { numRuns: RUNS })
  })
})
