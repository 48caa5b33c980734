import { formatAddress, formatAddressBytes, parseAddressExact } from '../../flow/address.ts'
import type { Batch } from '../../flow/batch.ts'
import type { NumericColumn } from '../../flow/column.ts'

/** Smallest and largest `start` and `end` of some rows; null where there are no rows with times. */
export interface TimeSpan {
  minStart: number | null
  maxStart: number | null
  minEnd: number | null
  maxEnd: number | null
}

/** The columns that statistics are taken from; a dataset may lack any of them. */
export const STATISTICS_COLUMNS = [
  { name: 'start', type: 'instant' },
  { name: 'end', type: 'instant' },
  { name: 'exporter', type: 'address' },
  { name: 'sampleSize', type: 'u53' },
  { name: 'samplePopulation', type: 'u53' },
] as const

/** Exporters that are remembered while rows are taken in, a power of two. */
const SEEN = 256

/** What the manifest says about the rows of a block, gathered while they are written. */
export class BlockStatistics {
  readonly whole = emptySpan()
  samplingUnknown = 0
  private readonly v4 = new Set<number>()
  private readonly v6 = new Set<string>()
  private readonly seen = new Float64Array(SEEN).fill(-1)
  private span = emptySpan()

  /** Takes in rows `from` to `to` (exclusive) of a batch. */
  add(batch: Batch, from: number, to: number): void {
    this.addTimes(batch, from, to)
    this.addExporters(batch, from, to)
    this.addSampling(batch, from, to)
  }

  /** Takes in what `add` does, but only the times of the rows. */
  addTimes({ columns: { start, end } }: Batch, from: number, to: number): void {
    if (start?.type === 'instant')
      [this.span.minStart, this.span.maxStart] = extend(this.span.minStart, this.span.maxStart, start, from, to)
    if (end?.type === 'instant')
      [this.span.minEnd, this.span.maxEnd] = extend(this.span.minEnd, this.span.maxEnd, end, from, to)
  }

  /** Only whether the sampling of the rows is known. */
  addSampling({ columns: { sampleSize, samplePopulation } }: Batch, from: number, to: number): void {
    if (sampleSize?.type !== 'u53' || samplePopulation?.type !== 'u53') return
    for (let row = from; row < to; row++) {
      if (sampleSize.values[row] === 0 && samplePopulation.values[row] === 0) this.samplingUnknown++
    }
  }

  /** Only the exporters of the rows. There are few, so nearly every row is told by one that was seen before it. */
  addExporters({ columns: { exporter } }: Batch, from: number, to: number): void {
    if (exporter?.type !== 'address') return
    const { seen } = this
    const { family, v4 } = exporter
    for (let row = from; row < to; row++) {
      const value = v4[row]!
      const place = (value ^ (value >>> 8)) & (SEEN - 1)
      if (family[row] === 4 && seen[place] !== value) {
        seen[place] = value
        this.v4.add(value)
      } else if (family[row] === 6) this.v6.add(formatAddress(exporter, row))
    }
  }

  /** Takes in the times of rows described otherwise. */
  addSpan(span: Readonly<TimeSpan>): void {
    mergeSpan(this.span, span)
  }

  addExporter4(v4: number): void {
    this.v4.add(v4)
  }

  /** `bytes` are 16. */
  addExporter6(bytes: Uint8Array): void {
    this.v6.add(formatAddressBytes(bytes))
  }

  /** Takes in an exporter as `exporters` tells it. */
  addExporter(text: string): void {
    const bytes = parseAddressExact(text)
    if (bytes.length === 4) this.addExporter4(Buffer.from(bytes).readUInt32BE())
    else this.v6.add(text)
  }

  /** The span of the rows added since the last call. */
  takeSpan(): TimeSpan {
    const { span } = this
    this.span = emptySpan()
    mergeSpan(this.whole, span)
    return span
  }

  /** Exporters as text, IPv4 before IPv6, then by their bytes. */
  exporters(): string[] {
    const column = { family: Uint8Array.of(4), v4: new Uint32Array(1), v6: new Uint8Array(0) }
    const texts4 = [...this.v4]
      .sort((a, b) => a - b)
      .map((value) => {
        column.v4[0] = value
        return formatAddress(column, 0)
      })
    const bytes6 = [...this.v6].map((text) => ({ text, bytes: parseAddressExact(text) }))
    return [...texts4, ...bytes6.sort((a, b) => Buffer.compare(a.bytes, b.bytes)).map(({ text }) => text)]
  }
}

function emptySpan(): TimeSpan {
  return { minStart: null, maxStart: null, minEnd: null, maxEnd: null }
}

function extend(
  min: number | null,
  max: number | null,
  { values, valid }: NumericColumn<'instant'>,
  from: number,
  to: number,
): [min: number | null, max: number | null] {
  let low = min ?? Number.POSITIVE_INFINITY
  let high = max ?? Number.NEGATIVE_INFINITY
  for (let row = from; row < to; row++) {
    const value = values[row]!
    if (value >= low && value <= high) continue
    if (valid && valid[row] === 0) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  return low > high ? [null, null] : [low, high]
}

/** Extends a span by another. */
export function mergeSpan(into: TimeSpan, { minStart, maxStart, minEnd, maxEnd }: Readonly<TimeSpan>): void {
  into.minStart = lesser(into.minStart, minStart)
  into.maxStart = greater(into.maxStart, maxStart)
  into.minEnd = lesser(into.minEnd, minEnd)
  into.maxEnd = greater(into.maxEnd, maxEnd)
}

/** The last time in a span: of an end, or of a start where flows end before they start. What a chunk is pruned by. */
export const lastTime = ({ maxStart, maxEnd }: Readonly<TimeSpan>): number | null => greater(maxStart, maxEnd)

const lesser = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b)
const greater = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b)
