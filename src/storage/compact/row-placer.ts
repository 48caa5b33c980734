import type { Batch } from '../../flow/batch.ts'
import type { Column } from '../../flow/column.ts'
import { copyColumn } from '../../flow/copy.ts'
import type { Kernels } from '../../kernels/kernels.ts'
import { arraysOf, rowBytesOf } from './column-arrays.ts'

/** An array of a column to copy from one place of the shared memory to another. */
interface Move {
  readonly from: number
  readonly to: number
  /** Of a row. */
  readonly bytes: number
  /** Where the families of IPv6 addresses lie; 0 for any other array. */
  readonly families: number
}

interface Plan {
  readonly moves: readonly Move[]
  /** Columns of which an array lies elsewhere, or is text. */
  readonly others: readonly string[]
}

/** Copies the rows of batches into those that threads share. */
export class RowPlacer {
  readonly #to: Batch
  readonly #kernels: Kernels
  readonly #plans = new WeakMap<Batch, Plan>()

  /** `kernels` are those of the memory that `to` lies in. */
  constructor(to: Batch, kernels: Kernels) {
    this.#to = to
    this.#kernels = kernels
  }

  /** Copies all rows of a batch to row `at`; IPv6 addresses only where there are some, so that memory is not touched for none. */
  place(batch: Batch, at: number): void {
    const { copyBytes, countBytes } = this.#kernels
    const { moves, others } = this.#plan(batch)
    for (const { from, to, bytes, families } of moves) {
      if (families === 0 || countBytes(families, batch.length, 6) > 0)
        copyBytes(from, batch.length * bytes, to + at * bytes)
    }
    for (const name of others) copyColumn(batch.columns[name]!, 0, batch.length, this.#to.columns[name]!, at)
  }

  #plan(batch: Batch): Plan {
    const known = this.#plans.get(batch)
    if (known) return known
    const names = Object.keys(this.#to.columns)
    const moved = new Map(names.map((name) => [name, movesOf(batch.columns[name]!, this.#to.columns[name]!)]))
    const plan = {
      moves: [...moved.values()].flatMap((moves) => moves ?? []),
      others: names.filter((name) => !moved.get(name)),
    }
    this.#plans.set(batch, plan)
    return plan
  }
}

/** How to copy a column within a memory; undefined when it is not as simple as that. */
function movesOf(from: Column, to: Column): Move[] | undefined {
  const targets = new Map(arraysOf(to))
  const families = 'family' in from ? from.family.byteOffset : 0
  const moves: Move[] = []
  for (const [part, array] of arraysOf(from)) {
    const target = targets.get(part)
    if (target?.buffer !== array.buffer) return undefined
    const places = { from: array.byteOffset, to: target.byteOffset, bytes: rowBytesOf(part, array) }
    moves.push({ ...places, families: part === 'v6' ? families : 0 })
  }
  return moves.length === targets.size && moves.length > 0 ? moves : undefined
}
