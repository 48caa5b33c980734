import type { ColumnSpec, ColumnType } from '../../flow/column.ts'
import { OP } from '../../kernels/avro-program.ts'
import { StorageError } from '../errors.ts'
import { byteSize } from './byte-size.ts'
import type { AvroRecord, AvroType } from './type.ts'

/** How the rows of one writer's schema become the wanted columns. */
export interface RowProgram {
  /** For `decodeRows`. */
  readonly code: Int32Array
  /** Whether no operation is nested, so that the kernel can run it. */
  readonly isFlat: boolean
  /** The columns that the writer's rows hold; the slot of each is its place in this list. */
  readonly reads: readonly ColumnRead[]
  /** The wanted columns that they do not hold: they get their default. */
  readonly missing: readonly ColumnSpec[]
}

export interface ColumnRead {
  readonly spec: ColumnSpec
  /** Stored units per unit of the column: 1,000 for microseconds read as an instant. */
  readonly divisor: number
}

/**
 * Resolves a writer's schema against the wanted columns by Avro's rules: fields by name or alias in any order, promotions, unions by the branch each row
 * has, unknown fields skipped. Beyond those rules an integer field of any width is read into an integer column of any width, and fixed into bytes,
 * because every value is checked against the column's range. Throws `bad-schema` when a field can never fit its column.
 */
export function compileProgram(writer: AvroRecord, columns: readonly ColumnSpec[]): RowProgram {
  if (byteSize(writer) === 0) {
    throw new StorageError('bad-schema', `storage: record ${writer.name} expected rows of at least one byte, got none`)
  }
  const compiler = new Compiler()
  const columnOf = new Map<string, ColumnSpec>()
  const missing: ColumnSpec[] = []
  for (const spec of columns) {
    const field = [spec.name, ...(spec.aliases ?? [])].find((name) =>
      writer.fields.some((other) => other.name === name),
    )
    const rival = field === undefined ? undefined : columnOf.get(field)
    if (rival)
      throw new StorageError(
        'bad-schema',
        `storage: avro field ${field} expected one column, got ${rival.name} and ${spec.name}`,
      )
    if (field === undefined) missing.push(spec)
    else columnOf.set(field, spec)
  }
  for (const field of writer.fields) {
    const spec = columnOf.get(field.name)
    if (spec) compiler.read(field.type, spec)
    else compiler.skip(field.type)
  }
  return { code: compiler.finish(), isFlat: compiler.isFlat, reads: compiler.reads, missing }
}

/** Emits operations; programs that others call follow the main one. */
class Compiler {
  readonly reads: ColumnRead[] = []
  isFlat = true
  private readonly code: number[] = []
  private readonly called = new Map<AvroType, number>()
  private readonly patches: { at: number; type: AvroType }[] = []
  /** Where a run of varints begins that can still be made longer: nothing jumps to its end. */
  private openRun = -1
  /** Varints at the end of that run that are skipped. */
  private skipped = 0

  finish(): Int32Array {
    this.emit(OP.end)
    for (let next = this.patches.shift(); next; next = this.patches.shift()) {
      let target = this.called.get(next.type)
      if (target === undefined) {
        target = this.code.length
        this.called.set(next.type, target)
        this.body(next.type)
        this.emit(OP.end)
      }
      this.code[next.at] = target
    }
    return Int32Array.from(this.code)
  }

  private emit(...words: number[]): void {
    this.openRun = -1
    this.code.push(...words)
  }

  /** The program of a called type: the fields of a record, the entry of a map, the item of an array. */
  private body(type: AvroType): void {
    if (type.type === 'record') for (const field of type.fields) this.skip(field.type)
    else if (type.type === 'map') this.skipPair(type.items)
    else if (type.type === 'array') this.skip(type.items)
  }

  private skipPair(value: AvroType): void {
    this.emit(OP.skipBytes)
    this.skip(value)
  }

  skip(type: AvroType): void {
    const size = byteSize(type)
    if (size !== undefined) {
      if (size > 0) this.emit(OP.skipFixed, size)
      return
    }
    switch (type.type) {
      case 'int':
      case 'long':
      case 'enum':
        this.varint()
        break
      case 'bytes':
      case 'string':
        this.emit(OP.skipBytes)
        break
      case 'union':
        this.union(type.branches, (branch) => this.skip(branch))
        break
      case 'array':
      case 'map':
        this.call(OP.skipArray, type, (type.type === 'array' ? byteSize(type.items) : undefined) ?? -1)
        break
      case 'record':
        this.call(OP.call, type)
        break
    }
  }

  /** One more varint of a run, stored in a slot or skipped. */
  private varint(slot?: number): void {
    if (this.openRun < 0) {
      const at = this.code.length
      this.emit(OP.varints, 0, 0)
      this.openRun = at
      this.skipped = 0
    }
    this.code[this.openRun + 1]!++
    if (slot === undefined) {
      this.skipped++
      return
    }
    this.code[this.openRun + 2]!++
    this.code.push(this.skipped, slot)
    this.skipped = 0
  }

  private call(op: number, type: AvroType, ...operands: number[]): void {
    this.isFlat = false
    this.patches.push({ at: this.code.length + 1, type })
    this.emit(op, 0, ...operands)
  }

  private union(branches: readonly AvroType[], emitBranch: (branch: AvroType) => void): void {
    this.emit(OP.union, branches.length, ...branches.map(() => 0))
    const table = this.code.length - branches.length
    const jumps: number[] = []
    for (const [i, branch] of branches.entries()) {
      this.code[table + i] = this.code.length
      this.openRun = -1
      emitBranch(branch)
      this.emit(OP.jump, 0)
      jumps.push(this.code.length - 1)
    }
    for (const at of jumps) this.code[at] = this.code.length
    this.openRun = -1
  }

  read(type: AvroType, spec: ColumnSpec): void {
    const slot = this.reads.length
    const branches = type.type === 'union' ? type.branches : [type]
    const kinds = branches.filter((branch) => branch.type !== 'null').map((branch) => readKind(branch, spec.type))
    const kind = kinds.find((candidate) => candidate !== undefined)
    const isOnlyNull = kinds.length === 0 && spec.nullable === true
    const isMixed = kinds.some((other) => other && (other.divisor !== kind?.divisor || other.op !== kind?.op))
    if ((!kind && !isOnlyNull) || isMixed) throw unfit(type, spec)
    this.reads.push({ spec, divisor: kind?.divisor ?? 1 })
    const emitBranch = (branch: AvroType): void => {
      const found = readKind(branch, spec.type)
      if (branch.type === 'null') this.emit(...(spec.nullable ? [OP.absent, slot] : [OP.refuse]))
      else if (!found) this.emit(OP.refuse)
      else if (branch.type === 'fixed') this.emit(OP.fixed, slot, branch.size)
      else if (found.op === OP.varints) this.varint(slot)
      else this.emit(found.op, slot)
    }
    if (type.type === 'union') this.union(type.branches, emitBranch)
    else emitBranch(type)
  }
}

interface ReadKind {
  readonly op: number
  readonly divisor: number
}

const TIMESTAMP_DIVISOR: { readonly [logicalType: string]: number } = {
  'timestamp-millis': 1,
  'timestamp-micros': 1_000,
  'timestamp-nanos': 1_000_000,
}

/** Logical types of int and long that are no point in time, or one without a zone. */
const NOT_INSTANTS = /^(?:date$|time-|local-timestamp-)/

/** How a column reads a type, or undefined when it cannot. */
function readKind(type: AvroType, column: ColumnType): ReadKind | undefined {
  const once = (op: number): ReadKind => ({ op, divisor: 1 })
  const isBytes = type.type === 'bytes'
  const fixedOf = (...sizes: number[]): boolean => type.type === 'fixed' && sizes.includes(type.size)
  switch (column) {
    case 'boolean':
      return type.type === 'boolean' ? once(OP.boolean) : undefined
    case 'address':
      return isBytes || fixedOf(4, 16) ? once(OP.bytes) : undefined
    case 'prefix':
      return isBytes || fixedOf(5, 17) ? once(OP.bytes) : undefined
    case 'text':
      return isBytes || type.type === 'string' ? once(OP.bytes) : undefined
    case 'bytes':
      return isBytes || type.type === 'string' || type.type === 'fixed' ? once(OP.bytes) : undefined
  }
  if (type.type !== 'int' && type.type !== 'long') return undefined
  if (column === 'u64' || column === 'i64') return once(OP.wideInt)
  if (column !== 'instant') return once(OP.varints)
  const { logicalType = '' } = type
  if (NOT_INSTANTS.test(logicalType)) return undefined
  const divisor = TIMESTAMP_DIVISOR[logicalType] ?? 1
  // Nanoseconds of our time lie beyond 2^53.
  return { op: divisor > 1_000 ? OP.wideInt : OP.varints, divisor }
}

function unfit(type: AvroType, { name, type: column, nullable }: ColumnSpec): StorageError {
  const got = type.type === 'union' ? type.branches.map((branch) => branch.type).join(' or ') : typeName(type)
  const expected = nullable ? `${column} or null` : column
  return new StorageError('bad-schema', `storage: avro field ${name} expected ${expected}, got ${got}`, { field: name })
}

function typeName(type: AvroType): string {
  if (type.type === 'fixed') return `fixed of ${type.size} bytes`
  return 'logicalType' in type && type.logicalType ? `${type.type} (${type.logicalType})` : type.type
}
