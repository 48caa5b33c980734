import { JobError } from './error.ts'

/** What `estimate` reads of a flow: n of N packets were seen; 0 of 0 is unknown. */
export interface Sampled {
  readonly sampleSize: number
  readonly samplePopulation: number
}

/**
 * A counter of a sampled flow, scaled up: floor(count * N / n), exactly, for n of N packets seen. Unknown sampling counts as 1 of 1.
 * Throws when the estimate is above 2^53 - 1.
 */
export function estimate(count: number, { sampleSize, samplePopulation }: Sampled): number {
  if (sampleSize === 0 || samplePopulation === 0 || sampleSize === samplePopulation) return count
  const product = count * samplePopulation
  if (product <= Number.MAX_SAFE_INTEGER) return Math.floor(product / sampleSize)
  const exact = (BigInt(count) * BigInt(samplePopulation)) / BigInt(sampleSize)
  if (exact <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(exact)
  throw new JobError(
    'bad-value',
    `estimate: expected at most 2^53 - 1, got ${exact} for ${count} seen as ${sampleSize} of ${samplePopulation}`,
  )
}
