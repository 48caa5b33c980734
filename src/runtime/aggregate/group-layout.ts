import type { ColumnSpec } from '../../flow/column.ts'
import { FLIP, writeStep, writtenLength } from '../../kernels/groups.ts'
import type { AggregateSpec, Program } from '../program.ts'
import { rowForm } from '../row-form.ts'
import { EntryLayout, isCount } from './entry-layout.ts'
import { WidePacker } from './wide-packer.ts'
import { WordPacker } from './word-packer.ts'

/** Inputs whose sums the kernel adds: unsigned, so that the sum of all is a bound on each. */
const SUMMED: readonly string[] = ['u8', 'u16', 'u32', 'u53', 'boolean']
/** Results that are written as eight bytes, unsigned. */
const WRITTEN: readonly string[] = ['u53', 'u64']
/** The lengths of keys and rows are written as one byte below this. */
const LONGEST = 0x80

export interface GroupShape {
  readonly key: readonly ColumnSpec[]
  readonly value: readonly ColumnSpec[]
  readonly aggregates: readonly AggregateSpec[]
}

/** How one column of a group is written and sorted. */
interface ColumnPart {
  /** Steps of a program for the kernels that write its canonical encoding. */
  readonly steps: readonly number[]
  /** Its bytes, most significant first. */
  readonly digits: readonly number[]
}

/** What a kernel needs in order to leave rows of a result as records of a run file. */
export interface RowLayout {
  /** Writes a record: lengths, what orders the row, the row or what is left of it (`RowForm`). */
  readonly steps: readonly number[]
  /** Orders the entries, most significant digit first. */
  readonly digits: readonly number[]
  readonly recordBytes: number
  /** Where the number stands by which rows are ordered first of all, the largest first; undefined when it is none. */
  readonly largestAt: number | undefined
}

/** The entries of programs of the common shape, and how kernels write them as rows of a result. */
export class GroupLayout extends EntryLayout<WordPacker> {
  readonly #shape: GroupShape

  /** The layout for a program of the common shape, undefined for any other. */
  static for(shape: GroupShape): GroupLayout | undefined {
    const { key, value, aggregates } = shape
    const packer = WordPacker.for(key)
    const fits = aggregates.every((spec) => isCount(spec) || isSum(spec, value))
    return packer && fits && aggregates.length > 0 ? new GroupLayout(shape, packer) : undefined
  }

  private constructor(shape: GroupShape, packer: WordPacker) {
    super(packer, shape.aggregates)
    this.#shape = shape
  }

  /** The same entries with keys of both address families. */
  wide(): EntryLayout<WidePacker> {
    const { key, aggregates } = this.#shape
    return new EntryLayout(new WidePacker(key), aggregates)
  }

  /** Steps that write the canonical encoding of a key. */
  get keySteps(): readonly number[] {
    return this.#keyParts().flatMap(({ steps }) => steps)
  }

  /** How result rows are written, in the order of the result (`ordered`) or of their keys; undefined when the kernels cannot. */
  rowLayout(program: Program, ordered: boolean): RowLayout | undefined {
    const { output, sort } = program
    const columns = this.#columns(output)
    if (!columns) return undefined
    const payload = ordered ? rowForm(program).rest : output
    const sorted = ordered ? sort.map(({ column, order }) => flipped(columns.get(column), order === 'desc')) : []
    const order = [...sorted, ...this.#keyParts()]
    const keySteps = order.flatMap(({ steps }) => steps)
    const rowSteps = payload.flatMap(({ name }) => columns.get(name)?.steps ?? [])
    const lengths = [keySteps, rowSteps].map(writtenLength)
    if (lengths.some((length) => length >= LONGEST)) return undefined
    const steps = [...lengths.map((length) => writeStep('byte', length)), ...keySteps, ...rowSteps]
    const digits = order.flatMap((part) => part.digits)
    const largestAt = ordered ? this.largestAt(sort) : undefined
    return { steps, digits, recordBytes: writtenLength(steps), largestAt }
  }

  /** Where the number stands by which rows are ordered first of all, the largest first; undefined when it is none. */
  largestAt([first]: Program['sort']): number | undefined {
    const aggregate = this.#shape.aggregates.findIndex(({ name }) => name === first?.column)
    return aggregate >= 0 && first?.order === 'desc' ? this.numberAt(aggregate) : undefined
  }

  /** The columns of the output by name, if every one is a key or a result of eight bytes. */
  #columns(output: readonly ColumnSpec[]): ReadonlyMap<string, ColumnPart> | undefined {
    const { key, aggregates } = this.#shape
    const columns = new Map(this.#keyParts().map((part, i) => [key[i]!.name, part]))
    for (const [i, { name, type }] of aggregates.entries()) {
      if (!WRITTEN.includes(type)) return undefined
      columns.set(name, integerPart(this.numberAt(i)))
    }
    return output.every(({ name, nullable }) => !nullable && columns.has(name)) ? columns : undefined
  }

  #keyParts(): ColumnPart[] {
    const { offsets } = this.keys
    return this.#shape.key.map(({ type }, i) => keyPart(type, offsets[i]! * 4))
  }
}

function isSum({ aggregate, input, custom }: AggregateSpec, value: readonly ColumnSpec[]): boolean {
  const column = value.find(({ name }) => name === input)
  return aggregate === 'sum' && custom === undefined && column?.nullable !== true && SUMMED.includes(column?.type ?? '')
}

/** Bytes of a little-endian number, most significant first. */
const digitsOf = (at: number, length: number): number[] => Array.from({ length }, (_, i) => at + length - 1 - i)

const integerPart = (at: number): ColumnPart => ({ steps: [writeStep('u64', at)], digits: digitsOf(at, 8) })

/** The part of a key column whose words start at byte `at`: `WordPacker` lays them out. */
function keyPart(type: ColumnSpec['type'], at: number): ColumnPart {
  const family = writeStep('byte', 4)
  const word = writeStep('u32', at)
  switch (type) {
    case 'u8':
    case 'boolean':
      return { steps: [writeStep('u8', at)], digits: [at] }
    case 'u16':
      return { steps: [writeStep('u16', at)], digits: digitsOf(at, 2) }
    case 'u32':
      return { steps: [word], digits: digitsOf(at, 4) }
    case 'address':
      return { steps: [family, word], digits: digitsOf(at, 4) }
    case 'prefix':
      return { steps: [family, word, writeStep('u8', at + 4)], digits: [...digitsOf(at, 4), at + 4] }
    default:
      return { steps: [word, writeStep('u32', at + 4)], digits: [...digitsOf(at, 4), ...digitsOf(at + 4, 4)] }
  }
}

function flipped(part: ColumnPart | undefined, flip: boolean): ColumnPart {
  const { steps = [], digits = [] } = part ?? {}
  return flip
    ? { steps: steps.map((step) => step ^ FLIP), digits: digits.map((digit) => digit | FLIP) }
    : { steps, digits }
}
