import { FLOW_FLAGS } from '../../flow/fields.ts'
import type { Extra } from './extras.ts'
import { FieldIndex } from './field-index.ts'
import {
  ADDRESS_RULES,
  COUNTER_RULES,
  MASK_RULES,
  type NumberRule,
  REVERSE,
  TIME_RULES,
  TOTAL_COUNTERS,
  U8_RULES,
  U16_RULES,
  U32_RULES,
} from './field-rules.ts'
import type {
  AbsentStep,
  AddressStep,
  Clock,
  ExtraStep,
  FlowPlan,
  MaskStep,
  NumberStep,
  Plan,
  SamplingStep,
  TimesStep,
} from './plan.ts'
import type { Template } from './template.ts'
import { VARIABLE } from './template.ts'

type Way = 'forward' | 'reverse'

/** Compiles a data template into its plan; `absent` fields have length 0 in the records it is for. */
export function compile(template: Template, extras: readonly Extra[], absent: ReadonlySet<number> = new Set()): Plan {
  const index = new FieldIndex(template, absent)
  // Extra columns hold absent values themselves: they ask an index of their own, so that `optional` is about flow fields alone.
  const others = new FieldIndex(template, absent)
  const forward = compileWay(index, others, 'forward', extras)
  const biflow = index.first(COUNTER_RULES.bytes.reverse) ?? index.first(COUNTER_RULES.packets.reverse)
  const reverse = biflow ? compileWay(index, others, 'reverse', extras) : undefined
  const optional = [...index.used].filter((field) => template.fields[field]?.length === VARIABLE)
  return { template, forward, reverse, absent, optional, variants: new Map() }
}

function compileWay(index: FieldIndex, others: FieldIndex, way: Way, extras: readonly Extra[]): FlowPlan {
  const [u8, absentU8] = numberSteps(index, way, U8_RULES)
  const [u16, absentU16] = numberSteps(index, way, U16_RULES)
  const [u32, absentU32] = numberSteps(index, way, U32_RULES)
  const octets = index.first(COUNTER_RULES.bytes[way])
  const packets = index.first(COUNTER_RULES.packets[way])
  const counters = [octets, packets].filter((found) => found !== undefined)
  const totals = counters.some(({ id }) => TOTAL_COUNTERS.has(id))
  return {
    ...{ u8, u16, u32, absentU8, absentU16, absentU32 },
    addresses: addressSteps(index, way),
    masks: maskSteps(index, way),
    octets: octets?.source,
    packets: packets?.source,
    wide: counters.map(({ source }) => source).filter(({ length }) => length > 6),
    times: timesStep(index, way),
    sampling: samplingStep(index),
    ...extraSteps(others, way, extras),
    flags: (way === 'reverse' ? FLOW_FLAGS.reverse : 0) | (totals ? FLOW_FLAGS.totalCounters : 0),
  }
}

function numberSteps<Slot>(
  index: FieldIndex,
  way: Way,
  rules: readonly NumberRule<Slot>[],
): [NumberStep<Slot>[], AbsentStep<Slot>[]] {
  const steps: NumberStep<Slot>[] = []
  const absent: AbsentStep<Slot>[] = []
  for (const rule of rules) {
    const found = index.first(rule[way])
    if (found) steps.push({ slot: rule.slot, source: found.source })
    else absent.push({ slot: rule.slot, value: rule.absent })
  }
  return [steps, absent]
}

function addressSteps(index: FieldIndex, way: Way): AddressStep[] {
  return ADDRESS_RULES.map((rule) => {
    const pair = rule[way]
    const v4 = index.exact(pair.v4, 4, pair.pen)
    const v6 = index.exact(pair.v6, 16, pair.pen)
    return { slot: rule.slot, v4, v6, version: v4 && v6 ? index.find(60) : undefined }
  })
}

function maskSteps(index: FieldIndex, way: Way): MaskStep[] {
  return MASK_RULES.map((rule) => {
    const { v4, v6, pen } = rule[way]
    return { slot: rule.slot, address: rule.address, v4: index.find(v4, pen), v6: index.find(v6, pen) }
  })
}

function timesStep(index: FieldIndex, way: Way): TimesStep {
  const clock = (side: keyof typeof TIME_RULES): Clock | undefined =>
    (way === 'reverse' ? clockOf(index, side, REVERSE) : undefined) ?? clockOf(index, side, 0)
  const [start, end, observation] = [clock('start'), clock('end'), clock('observation')]
  return { start, end, observation, systemInit: index.find(160) }
}

function clockOf(index: FieldIndex, side: keyof typeof TIME_RULES, pen: number): Clock | undefined {
  for (const { id, type } of TIME_RULES[side]) {
    const ntp = type === 'microseconds' || type === 'nanoseconds'
    const source = ntp ? index.exact(id, 8, pen) : index.find(id, pen)
    if (source) return { type, source }
  }
  return undefined
}

const NO_RATE: SamplingStep = {
  ...{ interval: undefined, size: undefined, space: undefined, population: undefined },
  ...{ probability: undefined, sampler: undefined },
}

/** What a record, of data or of options, says of sampling: the first kind of rate that is there, and who sampled. */
export function samplingStep(index: FieldIndex): SamplingStep {
  return { ...rateOf(index), sampler: index.find(48) ?? index.find(302) }
}

function rateOf(index: FieldIndex): SamplingStep {
  const interval = index.find(34) ?? index.find(50)
  if (interval) return { ...NO_RATE, interval }
  const [taken, left] = [index.find(305), index.find(306)]
  if (taken && left) return { ...NO_RATE, size: taken, space: left }
  const [size, population] = [index.find(309), index.find(310)]
  if (size && population) return { ...NO_RATE, size, population }
  const [time, gap] = [index.find(307), index.find(308)]
  if (time && gap) return { ...NO_RATE, size: time, space: gap }
  return { ...NO_RATE, probability: index.exact(311, 8) ?? index.exact(311, 4) }
}

/** The reverse half has the values of reverse elements, and of those that belong to neither way. */
function extraSteps(
  index: FieldIndex,
  way: Way,
  extras: readonly Extra[],
): { extras: ExtraStep[]; absentExtras: number[] } {
  const steps: ExtraStep[] = []
  const absentExtras: number[] = []
  for (const [column, { element, bothWays }] of extras.entries()) {
    const { id, pen = 0, type: kind } = element
    const reversed = way === 'reverse' && pen === 0 ? index.find(id, REVERSE) : undefined
    const source = reversed ?? (way === 'forward' || bothWays ? index.find(id, pen) : undefined)
    if (source) steps.push({ index: column, kind, source })
    else absentExtras.push(column)
  }
  return { extras: steps, absentExtras }
}
