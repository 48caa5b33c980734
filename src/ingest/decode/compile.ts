import { FLOW_FLAGS } from '../../flow/fields.ts'
import type { Extra } from './extras.ts'
import { FieldIndex } from './field-index.ts'
import {
  ADDRESS_RULES,
  COUNTER_RULES,
  MASK_RULES,
  NUMBER_RULES,
  REVERSE,
  TIME_RULES,
  TOTAL_COUNTERS,
} from './field-rules.ts'
import type { Clock, FlowPlan, Plan, SamplingSources, Source, Step, TimesStep } from './plan.ts'
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
  return { template, forward, ...(reverse ? { reverse } : {}), optional }
}

function compileWay(index: FieldIndex, others: FieldIndex, way: Way, extras: readonly Extra[]): FlowPlan {
  const steps: Step[] = [...numberSteps(index, way), ...addressSteps(index, way), ...maskSteps(index, way)]
  const octets = index.first(COUNTER_RULES.bytes[way])
  const packets = index.first(COUNTER_RULES.packets[way])
  steps.push(octets ? { type: 'bytes', source: octets.source } : { type: 'absent-bytes' })
  steps.push(packets ? { type: 'packets', source: packets.source } : { type: 'absent-packets' })
  steps.push(timesStep(index, way), { type: 'sampling', ...samplingSources(index) })
  const absentExtras: number[] = []
  for (const [column, extra] of extras.entries()) {
    const source = extraSource(others, way, extra)
    if (source) steps.push({ type: 'extra', index: column, kind: extra.element.type, source })
    else absentExtras.push(column)
  }
  const totals = (octets && TOTAL_COUNTERS.has(octets.id)) || (packets && TOTAL_COUNTERS.has(packets.id))
  const flags = (way === 'reverse' ? FLOW_FLAGS.reverse : 0) | (totals ? FLOW_FLAGS.totalCounters : 0)
  return {
    steps,
    flags,
    absentExtras,
    ...(octets ? { octets: octets.source } : {}),
    ...(packets ? { packets: packets.source } : {}),
  }
}

function numberSteps(index: FieldIndex, way: Way): Step[] {
  return NUMBER_RULES.map((rule): Step => {
    const source = index.first(rule[way])?.source
    const { type, slot } = rule
    if (type === 'u8') return source ? { type, slot, source } : { type: 'absent-u8', slot, value: rule.absent }
    if (type === 'u16') return source ? { type, slot, source } : { type: 'absent-u16', slot }
    return source ? { type, slot, source } : { type: 'absent-u32', slot }
  })
}

function addressSteps(index: FieldIndex, way: Way): Step[] {
  return ADDRESS_RULES.map((rule): Step => {
    const pair = rule[way]
    const v4 = index.exact(pair.v4, 4, pair.pen)
    const v6 = index.exact(pair.v6, 16, pair.pen)
    const version = v4 && v6 ? index.find(60) : undefined
    return { type: 'address', slot: rule.slot, ...defined({ v4, v6, version }) }
  })
}

function maskSteps(index: FieldIndex, way: Way): Step[] {
  return MASK_RULES.map((rule): Step => {
    const pair = rule[way]
    const sources = defined({ v4: index.find(pair.v4, pair.pen), v6: index.find(pair.v6, pair.pen) })
    return { type: 'mask', slot: rule.slot, address: rule.address, ...sources }
  })
}

function timesStep(index: FieldIndex, way: Way): TimesStep {
  const clock = (side: 'start' | 'end' | 'observation'): Clock | undefined =>
    (way === 'reverse' ? clockOf(index, side, REVERSE) : undefined) ?? clockOf(index, side, 0)
  const [start, end] = [clock('start'), clock('end')]
  const observation = clock('observation')
  return { type: 'times', ...defined({ start, end, observation, systemInit: index.find(160) }) }
}

function clockOf(index: FieldIndex, side: keyof typeof TIME_RULES, pen: number): Clock | undefined {
  for (const { id, type } of TIME_RULES[side]) {
    const ntp = type === 'microseconds' || type === 'nanoseconds'
    const source = ntp ? index.exact(id, 8, pen) : index.find(id, pen)
    if (source) return { type, source }
  }
  return undefined
}

/** What a record, of data or of options, says of sampling: the first kind of rate that is there, and who sampled. */
export function samplingSources(index: FieldIndex): SamplingSources {
  const sampler = index.find(48) ?? index.find(302)
  return defined({ ...rateSources(index), sampler })
}

function rateSources(index: FieldIndex): SamplingSources {
  const interval = index.find(34) ?? index.find(50)
  if (interval) return { interval }
  const [taken, left] = [index.find(305), index.find(306)]
  if (taken && left) return { size: taken, space: left }
  const [size, population] = [index.find(309), index.find(310)]
  if (size && population) return { size, population }
  const [time, gap] = [index.find(307), index.find(308)]
  if (time && gap) return { size: time, space: gap }
  return defined({ probability: index.exact(311, 8) ?? index.exact(311, 4) })
}

/** The reverse half has the values of reverse elements, and of those that belong to neither way. */
function extraSource(index: FieldIndex, way: Way, { element, bothWays }: Extra): Source | undefined {
  const { id, pen = 0 } = element
  if (way === 'forward') return index.find(id, pen)
  const reverse = pen === 0 ? index.find(id, REVERSE) : undefined
  return reverse ?? (bothWays ? index.find(id, pen) : undefined)
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The object without its undefined properties. */
function defined<T extends object>(object: T): Defined<T> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Defined<T>
}
