import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../src/flow/batch.ts'
import { createBatch } from '../../../src/flow/batch.ts'
import { copyRows } from '../../../src/flow/copy.ts'
import { parseFilter } from '../../../src/flow/filter/filter.ts'
import { isShallow, markSteps } from '../../../src/flow/filter/marks.ts'
import { formatFilter } from '../../../src/flow/filter/text.ts'
import { borrowKernels, returnKernels } from '../../../src/kernels/pool.ts'
import { fc } from '../../kit/fast-check.ts'
import { anyFilter, EVERY_TYPE, plainFilter, rowsNear, types } from './filters.ts'
import { naiveSelect } from './naive.ts'

/** The rows that a filter keeps of a batch that lies in kernel memory, or beside it, with the selection there. */
function selectIn(text: string, batch: Batch, isInside: boolean): number[] {
  const instance = borrowKernels(1 << 20)
  const { memory } = instance
  const copy = createBatch(
    EVERY_TYPE,
    batch.capacity,
    isInside ? (type, length) => memory.array(type, length) : undefined,
  )
  copyRows(batch, 0, batch.length, copy)
  const selection = memory.array(Uint32Array, batch.capacity)
  const plan = parseFilter(text, EVERY_TYPE)
  const kept = [...selection.subarray(0, plan.selectIn(instance)(copy, selection))]
  returnKernels(instance)
  return kept
}

describe('a filter in kernel memory', () => {
  it('keeps the rows that a test of each row by itself keeps', () => {
    let marked = 0
    fc.assert(
      fc.property(
        fc.oneof(plainFilter, anyFilter).chain((filter) => fc.tuple(fc.constant(filter), rowsNear(filter, 80))),
        fc.boolean(),
        ([filter, batch], isInside) => {
          const steps = markSteps(filter, EVERY_TYPE)
          if (steps && isShallow(steps)) marked++
          expect(selectIn(formatFilter(filter, types), batch, isInside)).toEqual(naiveSelect(filter, batch))
        },
      ),
      { numRuns: 400 },
    )
    expect(marked).toBeGreaterThan(50)
  })
})
