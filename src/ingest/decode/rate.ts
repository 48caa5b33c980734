import { isWide, readBigUnsigned, readUnsigned } from './numbers.ts'
import type { SamplingStep, Source } from './plan.ts'
import type { Run } from './run.ts'

/** The name of a sampler: its id; in decimal when it is above 2^53 - 1. */
export type SamplerId = number | string

/** A sampling rate: filled by `readRate`, so that none is made per record. */
export interface Rate {
  size: number
  population: number
}

/** Reads the rate in record `k` of a run; false, and `rate` untouched, when it has none or one that says nothing (0). */
export function readRate(run: Run, k: number, sources: SamplingStep, rate: Rate): boolean {
  const { interval, size, space, population, probability } = sources
  if (interval) return setRate(rate, 1, numberAt(run, k, interval))
  if (size && space) {
    const taken = numberAt(run, k, size)
    return setRate(rate, taken, taken + numberAt(run, k, space))
  }
  if (size && population) return setRate(rate, numberAt(run, k, size), numberAt(run, k, population))
  return probability
    ? setProbability(rate, run, run.offsetOf(probability) + k * run.stride, run.lengthOf(probability))
    : false
}

/** Reads the id of the sampler of record `k`; undefined when the record names none. */
export function readSampler(run: Run, k: number, source: Source | undefined): SamplerId | undefined {
  const length = source ? run.lengthOf(source) : 0
  if (!source || length === 0) return undefined
  const at = run.offsetOf(source) + k * run.stride
  return isWide(run.bytes, run.view, at, length)
    ? String(readBigUnsigned(run.bytes, at, length))
    : readUnsigned(run.bytes, at, length)
}

const numberAt = (run: Run, k: number, source: Source): number =>
  readUnsigned(run.bytes, run.offsetOf(source) + k * run.stride, run.lengthOf(source))

function setRate(rate: Rate, size: number, population: number): boolean {
  if (size < 1 || population < size || !Number.isSafeInteger(population)) return false
  rate.size = size
  rate.population = population
  return true
}

/** A probability (311) as n of N: one of N where it is the inverse of an integer, else in billionths. */
function setProbability(rate: Rate, { view }: Run, at: number, length: number): boolean {
  const p = length === 8 ? view.getFloat64(at) : length === 4 ? view.getFloat32(at) : 0
  if (!(p > 0 && p <= 1)) return false
  const inverse = Math.round(1 / p)
  if (Math.abs(1 / p - inverse) < 1e-6 * inverse) return setRate(rate, 1, inverse)
  return setRate(rate, Math.round(p * 1e9), 1e9)
}
