const QUARTER = 15 * 60_000

/** True for an IANA time zone that this Node knows. */
export function isZone(zone: unknown): boolean {
  if (typeof zone !== 'string' || zone === '') return false
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

/**
 * Offsets of a time zone from UTC, in milliseconds, east positive. Clocks change at whole quarters of an hour (since 1972), so one question
 * to Intl answers for a quarter; the answers are kept.
 */
export class Zone {
  readonly #format: Intl.DateTimeFormat
  readonly #offsets = new Map<number, number>()
  #quarter = Number.NaN
  #offset = 0

  constructor(zone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** The offset at an instant. */
  offsetAt(ms: number): number {
    const quarter = Math.floor(ms / QUARTER)
    if (quarter !== this.#quarter) {
      this.#offset = this.#offsets.get(quarter) ?? this.#ask(quarter)
      this.#quarter = quarter
    }
    return this.#offset
  }

  /** The start of the bin of `sizeMs` on the local clock that an instant lies in, as an instant. */
  floor(ms: number, sizeMs: number): number {
    const offset = this.offsetAt(ms)
    const local = ms + offset
    const start = Math.floor(local / sizeMs) * sizeMs - offset
    // The clocks changed between the start of the bin and now: its start has the same local time under the offset of then.
    return start + offset - this.offsetAt(start)
  }

  #ask(quarter: number): number {
    const ms = quarter * QUARTER
    const fields: { [type: string]: string } = {}
    for (const { type, value } of this.#format.formatToParts(ms)) fields[type] = value
    const year = fields.era === 'BC' ? 1 - Number(fields.year) : Number(fields.year)
    const local = new Date(0)
    local.setUTCFullYear(year, Number(fields.month) - 1, Number(fields.day))
    local.setUTCHours(Number(fields.hour), Number(fields.minute), Number(fields.second))
    const offset = local.getTime() - ms
    this.#offsets.set(quarter, offset)
    return offset
  }
}
