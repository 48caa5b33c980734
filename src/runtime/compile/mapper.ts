import type { Batch } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import type { KernelInstance } from '../../kernels/pool.ts'
import { JobError } from '../../vocabulary/error.ts'
import type { UserFunction } from '../../vocabulary/job.ts'
import type { Spread } from '../../vocabulary/prorate.ts'
import type { BatchSink, Mapper, TaskContext } from '../program.ts'
import type { JobScope } from './context.ts'
import { userContext, userError } from './context.ts'
import type { Emitter, EmitterState } from './emitter.ts'
import { createEmitter } from './emitter.ts'
import type { RowView } from './view.ts'
import { createView } from './view.ts'

/** A job with its own map, checked. */
export interface MapParts {
  readonly map: UserFunction
  /** The same map in a second copy of its code, for the first records; see `mapperFactory`. */
  readonly sampleMap: UserFunction | undefined
  readonly reads: readonly ColumnSpec[]
  readonly known: readonly string[]
  readonly key: readonly ColumnSpec[]
  readonly value: readonly ColumnSpec[]
  readonly spread: boolean
}

/** Records whose emits are checked for properties that are not columns, when there is a second copy of the code to do it with. */
const SAMPLE_RECORDS = 1024

/** The attempt that the code of a mapper works for. */
interface Attempt {
  sink: BatchSink
  task: TaskContext
}

/** What is generated for a map. It serves one attempt after the other, so that V8 does not compile and optimise the same loops for every task. */
interface MapCode {
  readonly attempt: Attempt
  /** The period that `prorate` has been told. */
  readonly from: number
  readonly to: number
  /** Refuses properties that are not columns. */
  readonly checked: Runner
  readonly fast: Runner | undefined
}

/**
 * Makes what makes the map side of a task attempt. Missing, mistyped and out-of-range values are refused at every emit; a property that is not a column
 * at all is looked for at every emit in tests and in one process, and among the first records of each task otherwise: looking makes V8 allocate
 * the emitted objects (52 against 135 M records/s), even where it has been done once by the same code. So the sample runs through a second copy.
 */
export function mapperFactory(scope: JobScope, parts: MapParts): (sink: BatchSink, task: TaskContext) => Mapper {
  let idle: MapCode | undefined
  return (sink, task) => {
    const isFit = idle?.from === task.from && idle.to === task.to
    const code = isFit && idle ? idle : makeCode(scope, parts, { sink, task })
    idle = undefined
    Object.assign(code.attempt, { sink, task })
    code.checked.begin(sink.kernels)
    code.fast?.begin(sink.kernels)
    return {
      map: sampling(code),
      finish() {
        code.checked.finish()
        code.fast?.finish()
        // After a failed attempt there may be rows left in it, and it is not used again.
        idle = code
      },
    }
  }
}

function makeCode(scope: JobScope, parts: MapParts, attempt: Attempt): MapCode {
  const { from, to } = attempt.task
  const checked = mapRunner(scope, parts, parts.sampleMap ?? parts.map, true, attempt)
  const fast = parts.sampleMap && mapRunner(scope, parts, parts.map, false, attempt)
  return { attempt, from, to, checked, fast }
}

/** Gives the first records of a task to the code that looks closer. */
function sampling({ checked, fast }: MapCode): Mapper['map'] {
  if (!fast) return (batch) => checked.run(batch, 0, batch.length)
  let sampled = 0
  return (batch) => {
    const sample = Math.min(batch.length, SAMPLE_RECORDS - sampled)
    if (sample > 0) {
      checked.run(batch, 0, sample)
      checked.finish()
      sampled += sample
    }
    if (sample < batch.length) fast.run(batch, sample, batch.length)
  }
}

interface Runner {
  /** To be called before an attempt; see `Emitter`. */
  begin(kernels: KernelInstance | undefined): void
  run(batch: Batch, from: number, to: number): void
  finish(): void
}

/** The loop over rows of a batch around the user's map; returns the row before which it stopped, for what was emitted to be handed on. */
type Loop = (from: number, to: number) => number

function mapRunner(scope: JobScope, parts: MapParts, map: UserFunction, strict: boolean, attempt: Attempt): Runner {
  const { addresses } = scope
  const view = createView({
    scope,
    reads: parts.reads,
    known: parts.known,
    spread: spreadOf(parts, attempt),
  })
  const rows = [
    { name: 'emit key', columns: parts.key },
    { name: 'emit value', columns: parts.value },
  ]
  const sink: BatchSink = { add: (batch) => attempt.sink.add(batch) }
  const emitter = createEmitter({ arguments: rows, addresses, sink, strict })
  const failed = (row: number, error: unknown): void =>
    attempt.task.badRecord(row, userError(scope, 'map threw', error))
  const loop = createLoop({
    map,
    view,
    emitter,
    state: emitter.state,
    context: userContext(scope, (name, by) => attempt.task.count(name, by)),
    failed,
    promised,
  })
  return {
    begin: emitter.begin,
    run(batch, from, to) {
      view.bind(batch)
      addresses.open(`job ${scope.name}: map`, scope.addressBudget)
      emitter.state.open = true
      try {
        for (let row = from; row < to; ) {
          row = loop(row, to)
          if (emitter.state.n >= emitter.state.limit) emitter.flush()
        }
      } finally {
        emitter.state.open = false
        addresses.close()
      }
    },
    finish: () => emitter.flush(),
  }
}

/** What `prorate` is to know: shares are cut at the ends of the period only where flows are selected by overlap. */
function spreadOf(parts: MapParts, attempt: Attempt): Spread {
  const { from, to } = attempt.task
  const reads = (name: string): boolean => parts.reads.some((spec) => spec.name === name)
  return {
    from: parts.spread ? from : Number.NEGATIVE_INFINITY,
    to: parts.spread ? to : Number.POSITIVE_INFINITY,
    bytes: reads('bytes'),
    packets: reads('packets'),
    capped: (): void => attempt.task.count('prorate.capped'),
  }
}

/** `map` returned something: only a promise is a mistake that would lose emits. */
function promised(result: unknown): void {
  if (typeof result === 'object' && result !== null && 'then' in result)
    throw new JobError('bad-emit', 'map: expected to return nothing, got a promise; map cannot be async')
}

interface LoopParts {
  readonly map: UserFunction
  readonly view: RowView
  readonly emitter: Emitter
  readonly state: EmitterState
  readonly context: object
  failed(row: number, error: unknown): void
  promised(result: unknown): void
}

/** A loop of its own per mapper, for the feedback that V8 keeps with the code: this way the user's map is inlined into it. */
function createLoop(parts: LoopParts): Loop {
  const make: unknown = new Function('parts', LOOP)
  if (typeof make !== 'function') throw new TypeError('map: expected a function')
  return make(parts)
}

/**
 * Emits of a record count only if its map returned, so the rows are cut back to where they were; whole records are handed on. That is left to the caller: after a call in the loop V8 would look at
 * everything again.
 */
const LOOP = `'use strict'
const { map, view, state, context, failed, promised } = parts
const { emit } = parts.emitter
return (from, to) => {
  for (let row = from; row < to; row++) {
    const before = state.n
    view.row = row
    try {
      const result = map(view, emit, context)
      if (result !== undefined) promised(result)
      if (state.failure !== undefined) throw state.failure
    } catch (error) {
      state.n = before
      const cause = state.failure === undefined ? error : state.failure
      state.failure = undefined
      failed(row, cause)
    }
    if (state.n >= state.limit) return row + 1
  }
  return to
}`
