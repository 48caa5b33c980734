import { describe, it } from 'vitest'
import { runTrials } from './trial.ts'

describe('a set of three, one volume of which may be away or lost at any time', () => {
  it('keeps every acknowledged commit and block, in one history without gaps', () => runTrials(200))
})
