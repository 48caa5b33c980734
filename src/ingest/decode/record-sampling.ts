import { FLOW_FLAGS } from '../../flow/fields.ts'
import { fill } from './fill.ts'
import type { FlowRows } from './flow-rows.ts'
import { U32 } from './flow-rows.ts'
import type { SamplingStep } from './plan.ts'
import type { Rate } from './rate.ts'
import { readRate, readSampler } from './rate.ts'
import type { Run } from './run.ts'
import type { Sampling } from './sampling.ts'
import { UNKNOWN_SAMPLING } from './sampling.ts'

const rate: Rate = { size: 0, population: 0 }

/** Fills `sampleSize` and `samplePopulation` of a run: as configured for the exporter, as the record says, or as options announced. After `inputIf`. */
export function writeSampling(rows: FlowRows, run: Run, step: SamplingStep): void {
  const { override, samplers } = run
  if (override) {
    fillRate(rows, run, override)
    return
  }
  const inRecord = step.interval ?? step.size ?? step.probability
  if (!inRecord && !step.sampler && !samplers?.byInterface.size) {
    fillRate(rows, run, samplers?.find(undefined, 0) ?? UNKNOWN_SAMPLING)
    return
  }
  for (let k = 0; k < run.count; k++) {
    const row = run.row + k
    if (inRecord && readRate(run, k, step, rate)) {
      rows.sampleSize[row] = rate.size
      rows.samplePopulation[row] = rate.population
      continue
    }
    const sampler = readSampler(run, k, step.sampler)
    const { size, population } = samplers?.find(sampler, rows.u32[U32.inputIf][row]!) ?? UNKNOWN_SAMPLING
    rows.sampleSize[row] = size
    rows.samplePopulation[row] = population
  }
}

function fillRate(rows: FlowRows, { row, count }: Run, { size, population, assumed }: Sampling): void {
  fill(rows.sampleSize, size, row, row + count)
  fill(rows.samplePopulation, population, row, row + count)
  if (assumed) for (let i = row; i < row + count; i++) rows.flags[i]! |= FLOW_FLAGS.samplingAssumed
}
