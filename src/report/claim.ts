import { countOf, shortCount } from './number.ts'

/** What a run waits for, in words: `2 slots`, `512 MB of memory`. */
export const claimText = ({
  resource,
  amount,
}: {
  readonly resource: 'slots' | 'memory'
  readonly amount: number
}): string => (resource === 'slots' ? countOf(amount, 'slot') : `${shortCount(amount)}B of memory`)
