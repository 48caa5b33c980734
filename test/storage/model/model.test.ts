import { describe, it } from 'vitest'
import { fc } from '../../kit/fast-check.ts'
import { interleavings, runInterleaving } from './commands.ts'

describe('a store under several writers that may die at any call', () => {
  it('shows in every snapshot what the log says, and loses nothing that is kept', async () => {
    await fc.assert(fc.asyncProperty(interleavings, runInterleaving), { numRuns: 60 })
  })
})
