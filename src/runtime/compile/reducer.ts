import type { Batch } from '../../flow/batch.ts'
import { createBatch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { copyRows } from '../../flow/copy.ts'
import { valueAt } from '../../flow/value.ts'
import { JobError } from '../../vocabulary/error.ts'
import type { UserFunction } from '../../vocabulary/job.ts'
import type { BatchSink, Reducer, TaskContext } from '../program.ts'
import type { JobScope } from './context.ts'
import { userContext, userError } from './context.ts'
import type { Emitter } from './emitter.ts'
import { createEmitter } from './emitter.ts'
import type { RowReader } from './rows.ts'
import { createRowReader } from './rows.ts'

/** A custom `reduce` or `combine`, checked. */
export interface ReduceParts {
  readonly what: 'reduce' | 'combine'
  readonly function: UserFunction
  readonly key: readonly ColumnSpec[]
  readonly value: readonly ColumnSpec[]
  /** Columns of what it gives: rows of the output, or values. */
  readonly output: readonly ColumnSpec[]
}

/**
 * Makes the reduce side of one task attempt, or a combiner. A combiner gives batches of key and value columns, as map does, and hands them on at
 * the end of each group.
 */
export function createReducer(scope: JobScope, parts: ReduceParts, sink: BatchSink, task: TaskContext): Reducer {
  const { addresses } = scope
  const context = userContext(scope, (name, by) => task.count(name, by))
  const keys = createRowReader(parts.key, addresses)
  const rows = createRowReader(parts.value, addresses)
  const name = parts.what === 'reduce' ? 'out' : 'emit value'
  const group = new Group(parts.key, sink)
  const target = parts.what === 'reduce' ? sink : group
  const emitter = createEmitter({ arguments: [{ name, columns: parts.output }], addresses, sink: target, strict: true })
  emitter.begin(undefined)
  const { state } = emitter
  const out = parts.what === 'reduce' ? flushing(emitter) : emitter.emit
  return {
    reduce(key, row, batches) {
      addresses.open(`job ${scope.name}: ${parts.what} for ${describeKey(parts.key, key, row)}`, scope.addressBudget)
      const values = new Values(rows, batches)
      state.open = true
      try {
        group.key = key
        group.row = row
        keys.bind(key)
        const result = parts.function(keys.read(row), values, out, context)
        if (typeof result === 'object' && result !== null && 'then' in result)
          throw new JobError('bad-emit', `${parts.what}: expected to return nothing, got a promise; it cannot be async`)
        if (state.failure !== undefined) throw state.failure
      } catch (error) {
        const cause = state.failure ?? error
        state.failure = undefined
        throw userError(scope, `${parts.what} threw for ${describeKey(parts.key, key, row)}`, cause)
      } finally {
        state.open = false
        values.close()
        addresses.close()
      }
      if (parts.what === 'combine' || state.n >= state.limit) emitter.flush()
    },
    finish: () => emitter.flush(),
  }
}

/** `out` hands rows on in the middle of a group too: a throw in reduce fails the task, and a group may give more rows than fit in memory. */
function flushing({ state, emit, flush }: Emitter): Emitter['emit'] {
  return (row) => {
    emit(row)
    if (state.n >= state.limit) flush()
  }
}

/** Puts the key of the group at hand before the values that its combiner gave. */
class Group implements BatchSink {
  key: Batch | undefined
  row = 0
  readonly #specs: readonly ColumnSpec[]
  readonly #sink: BatchSink
  #keys: Batch

  constructor(specs: readonly ColumnSpec[], sink: BatchSink) {
    this.#specs = specs
    this.#sink = sink
    this.#keys = createBatch(specs, 16)
  }

  add(values: Batch): void {
    if (this.#keys.capacity < values.length) this.#keys = createBatch(this.#specs, values.capacity)
    const keys = this.#keys
    keys.length = 0
    for (; keys.length < values.length; ) copyRows(this.key!, this.row, 1, keys)
    this.#sink.add({ length: values.length, capacity: keys.capacity, columns: { ...keys.columns, ...values.columns } })
  }
}

function describeKey(specs: readonly ColumnSpec[], key: Batch, row: number): string {
  return `{ ${specs.map(({ name }) => `${name}: ${valueAt(key.columns[name]!, row)}`).join(', ')} }`
}

/** The values of one key as user code iterates them: once, as plain objects, closed when its function has returned. */
class Values implements IterableIterator<object> {
  readonly #rows: RowReader
  readonly #batches: Iterator<Batch>
  #started = false
  #closed = false
  #length = 0
  #row = 0

  constructor(rows: RowReader, batches: Iterable<Batch>) {
    this.#rows = rows
    this.#batches = batches[Symbol.iterator]()
  }

  [Symbol.iterator](): this {
    if (this.#started)
      throw new JobError(
        'bad-value',
        'values: expected one iteration, got a second; they are streamed, so keep what is needed again',
      )
    this.#started = true
    return this
  }

  next(): IteratorResult<object, undefined> {
    while (this.#row === this.#length) if (!this.#nextBatch()) return { done: true, value: undefined }
    return { done: false, value: this.#rows.read(this.#row++) }
  }

  return(): IteratorResult<object, undefined> {
    this.close()
    return { done: true, value: undefined }
  }

  close(): void {
    if (!this.#closed) this.#batches.return?.()
    this.#closed = true
    this.#length = this.#row
  }

  #nextBatch(): boolean {
    if (this.#closed) return false
    const next = this.#batches.next()
    if (next.done) {
      this.#closed = true
      return false
    }
    this.#rows.bind(next.value)
    this.#length = next.value.length
    this.#row = 0
    return true
  }
}
