import type { Batch } from '../../flow/batch.ts'
import { valueAt } from '../../flow/value.ts'
import type { UserCounters } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { TaskContext } from '../program.ts'
import type { BadRecord, TaskDescription } from './description.ts'

/** What the rows given to a mapper came from. */
export interface RowOrigin {
  readonly batch: Batch
  readonly origin: string
  /** Record number of row 0, and the rows of the input batch that are left when not all are. */
  readonly firstRecord: number
  readonly rows: Uint32Array | undefined
}

/** Stack lines kept of a bad record. */
const STACK_LINES = 12

/** The context of one attempt: keeps user counters and bad records, and fails the attempt when there are too many. */
export class AttemptContext implements TaskContext {
  readonly from: number
  readonly to: number
  readonly badRecords: BadRecord[] = []
  /** Set before each call of a mapper. */
  rows: RowOrigin | undefined
  readonly #maxBadRecords: number
  readonly #columns: readonly string[]
  readonly #counters = new Map<string, number>()
  #firstCause: unknown

  constructor(task: TaskDescription, columns: readonly string[]) {
    this.from = task.from ?? Number.NEGATIVE_INFINITY
    this.to = task.to ?? Number.POSITIVE_INFINITY
    this.#maxBadRecords = task.type === 'map' ? task.maxBadRecords : 0
    this.#columns = columns
  }

  get userCounters(): UserCounters {
    return Object.fromEntries([...this.#counters].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  count(name: string, by = 1): void {
    if (!Number.isSafeInteger(by))
      throw new RuntimeError('bad-value', `counter ${name}: step expected a whole number, got ${by}`)
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + by)
  }

  badRecord(row: number, error: unknown): void {
    const { rows } = this
    if (!rows) throw error
    const position = rows.firstRecord + (rows.rows ? rows.rows[row]! : row)
    this.#firstCause ??= error
    if (this.badRecords.length >= this.#maxBadRecords) throw this.#tooMany(rows.origin, position)
    const { message, stack } = describe(error)
    this.badRecords.push({ block: rows.origin, position, record: this.#json(rows.batch, row), error: message, stack })
  }

  #tooMany(block: string, position: number): RuntimeError {
    const first = this.badRecords[0]
    const where = first ? `record ${first.position} of ${first.block}` : `record ${position} of ${block}`
    return new RuntimeError(
      'bad-records',
      `bad records expected at most ${this.#maxBadRecords}, got more; the first is ${where}: ${describe(this.#firstCause).message}`,
      { block: first?.block ?? block, position: first?.position ?? position },
      this.#firstCause,
    )
  }

  #json(batch: Batch, row: number): string {
    const values = this.#columns.map((name) => [name, valueAt(batch.columns[name]!, row)])
    return JSON.stringify(Object.fromEntries(values), (_, value) => (typeof value === 'bigint' ? String(value) : value))
  }
}

function describe(error: unknown): { message: string; stack: string } {
  if (!(error instanceof Error)) return { message: String(error), stack: '' }
  return { message: error.message, stack: (error.stack ?? '').split('\n').slice(0, STACK_LINES).join('\n') }
}
