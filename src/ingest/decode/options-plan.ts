import { samplingStep } from './compile.ts'
import { FieldIndex } from './field-index.ts'
import { readUnsigned } from './numbers.ts'
import type { SamplingStep, Source } from './plan.ts'
import type { Rate } from './rate.ts'
import { readRate, readSampler } from './rate.ts'
import type { Run } from './run.ts'
import type { Samplers } from './samplers.ts'
import type { Template } from './template.ts'

/** What is read from the records of an options template. */
export interface OptionsPlan {
  readonly sampling: SamplingStep
  /** systemInitTimeMilliseconds (160). */
  readonly systemInit: Source | undefined
  /** The interface that the record is about, when that is its scope. */
  readonly inputIf: Source | undefined
}

/** What the options records of a domain say. */
export interface DomainOptions {
  systemInitMs: number | undefined
  readonly samplers: Samplers
}

/** Scope type of an interface in v9 (RFC 3954 section 6.1), and the element of IPFIX. */
const INTERFACE_SCOPE = { 9: 2, 10: 10 } as const

export function compileOptions(template: Template): OptionsPlan {
  const index = new FieldIndex(template)
  return { sampling: samplingStep(index), systemInit: index.find(160), inputIf: interfaceScope(template) }
}

function interfaceScope({ fields, version }: Template): Source | undefined {
  let offset = 0
  for (const [field, { id, pen, length, scope }] of fields.entries()) {
    if (scope && pen === 0 && id === INTERFACE_SCOPE[version] && length > 0) return { field, offset, length }
    offset += length
  }
  return undefined
}

const rate: Rate = { size: 0, population: 0 }

/** Takes what record `k` of a run says; `samplingOnly` when the record will be read again in its place. */
export function readOptions(
  run: Run,
  k: number,
  plan: OptionsPlan,
  options: DomainOptions,
  samplingOnly = false,
): void {
  const { sampling, systemInit, inputIf } = plan
  if (readRate(run, k, sampling, rate)) {
    const at = inputIf
      ? readUnsigned(run.bytes, run.offsetOf(inputIf) + k * run.stride, run.lengthOf(inputIf))
      : undefined
    options.samplers.announce(rate, readSampler(run, k, sampling.sampler), at)
  }
  if (systemInit && !samplingOnly && run.lengthOf(systemInit) > 0) {
    const ms = readUnsigned(run.bytes, run.offsetOf(systemInit) + k * run.stride, run.lengthOf(systemInit))
    if (Number.isSafeInteger(ms)) options.systemInitMs = ms
  }
}
