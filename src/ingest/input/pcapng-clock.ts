/** Turns the two words of a pcapng timestamp into milliseconds since 1970, rounded down. */
export type CaptureClock = (high: number, low: number) => number

const END_OF_OPTIONS = 0
const TIME_RESOLUTION = 9
const TIME_OFFSET = 14

/** The clock of an interface from its options at `at .. end`: if_tsresol (default microseconds) and if_tsoffset (seconds). */
export function clockOf(view: DataView, at: number, end: number, littleEndian: boolean): CaptureClock {
  let resolution = 6
  let offsetMs = 0
  let next = at
  while (next + 4 <= end) {
    const code = view.getUint16(next, littleEndian)
    const length = view.getUint16(next + 2, littleEndian)
    if (code === END_OF_OPTIONS || next + 4 + length > end) break
    if (code === TIME_RESOLUTION && length >= 1) resolution = view.getUint8(next + 4)
    if (code === TIME_OFFSET && length >= 8) offsetMs = Number(view.getBigInt64(next + 4, littleEndian)) * 1000
    next += 4 + length + ((4 - (length % 4)) % 4)
  }
  return createClock(resolution, offsetMs)
}

/** `resolution` as in if_tsresol: 10^-n seconds, or 2^-n when the high bit is set. */
export function createClock(resolution: number, offsetMs: number): CaptureClock {
  const exponent = resolution & 0x7f
  const decimal = resolution < 0x80
  if (decimal && exponent >= 3 && exponent <= 9) return decimalClock(10 ** (exponent - 3), offsetMs)
  const perSecond = decimal ? 10n ** BigInt(exponent) : 1n << BigInt(exponent)
  return (high, low) => Number((((BigInt(high) << 32n) | BigInt(low)) * 1000n) / perSecond) + offsetMs
}

/** Exact without bigints: 2^32 = quotient * units + rest, so that no product exceeds 2^53. `unitsPerMs` is at most 10^6. */
function decimalClock(unitsPerMs: number, offsetMs: number): CaptureClock {
  const quotient = Math.floor(2 ** 32 / unitsPerMs)
  const rest = 2 ** 32 % unitsPerMs
  return (high, low) => high * quotient + Math.floor((high * rest + low) / unitsPerMs) + offsetMs
}
