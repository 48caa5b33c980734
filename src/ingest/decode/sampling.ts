import { parsePrefix } from '../../flow/prefix.ts'
import { DecodeError } from './errors.ts'
import type { ExporterAddress } from './exporter-address.ts'
import type { SamplingOverride } from './options.ts'

/** `size` of `population` packets were seen; 0 of 0 is unknown, 1 of 1 is all. `assumed`: the configuration says so, not the exporter. */
export interface Sampling {
  readonly size: number
  readonly population: number
  readonly assumed: boolean
}

export const UNKNOWN_SAMPLING: Sampling = { size: 0, population: 0, assumed: false }

interface Override {
  readonly bytes: Uint8Array
  readonly bits: number
  readonly sampling: Sampling
}

/** Sampling rates of the configuration, by exporter. */
export class SamplingOverrides {
  /** Longest prefix first. */
  readonly #overrides: readonly Override[]

  /** Throws DecodeError on an exporter that is no address or prefix, and on a rate that is none. */
  constructor(overrides: readonly SamplingOverride[]) {
    this.#overrides = overrides.map(readOverride).sort((a, b) => b.bits - a.bits)
  }

  find({ family, v4, v6 }: ExporterAddress): Sampling | undefined {
    const bytes = family === 4 ? Uint8Array.of(v4 >>> 24, (v4 >>> 16) & 255, (v4 >>> 8) & 255, v4 & 255) : v6
    return this.#overrides.find((override) => covers(override, bytes))?.sampling
  }
}

function readOverride({ exporter, sampleSize = 1, samplePopulation }: SamplingOverride): Override {
  const valid = Number.isSafeInteger(sampleSize) && Number.isSafeInteger(samplePopulation) && sampleSize >= 1
  if (!valid || samplePopulation < sampleSize) {
    const message = `decode: sampling of ${exporter} expected n of N packets with 1 <= n <= N, got ${sampleSize} of ${samplePopulation}`
    throw new DecodeError('sampling', message, { exporter })
  }
  try {
    const { bytes, bits } = parsePrefix(exporter)
    return { bytes, bits, sampling: { size: sampleSize, population: samplePopulation, assumed: true } }
  } catch (error) {
    const message = `decode: sampling exporter expected an address or a prefix, got ${exporter}`
    throw new DecodeError('sampling', message, { exporter }, error)
  }
}

function covers({ bytes, bits }: Override, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff00 >> (bits - bit)) & 0xff
    if (((bytes[bit / 8]! ^ address[bit / 8]!) & mask) !== 0) return false
  }
  return true
}
