import { createCounters, type DecodeCounters } from '../decode/counters.ts'
import { createDecoder, type Decoder } from '../decode/decoder.ts'
import { DecodeError } from '../decode/errors.ts'
import type { DecoderOptions } from '../decode/options.ts'

/**
 * A decoder that goes on where an earlier one stopped. A state that cannot be read (of another version) is not worth stopping for: templates
 * come again, so it is told and left.
 */
export function continueDecoder(
  options: DecoderOptions,
  state: unknown,
  onWarning: (message: string) => void,
): Decoder {
  const decoder = createDecoder(options)
  if (state === undefined) return decoder
  try {
    decoder.restore(state)
    return decoder
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    onWarning(`ingest: templates of the earlier process are forgotten: ${error.message}`)
    return createDecoder(options)
  }
}

/** The counters of two decoders, added. */
export function addCounters(a: DecodeCounters, b: DecodeCounters): DecodeCounters {
  const malformed: { [reason: string]: number } = { ...a.malformed }
  for (const [reason, count] of Object.entries(b.malformed)) malformed[reason] = (malformed[reason] ?? 0) + count
  const sum: DecodeCounters = { ...a, malformed }
  for (const name of NUMBERS) sum[name] = a[name] + b[name]
  return sum
}

const NUMBERS = Object.keys(createCounters()).filter(
  (name): name is Exclude<keyof DecodeCounters, 'malformed'> => name !== 'malformed',
)
