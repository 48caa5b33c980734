import { compile } from './compile.ts'
import type { DecodeCounters } from './counters.ts'
import type { DomainState, ExporterState } from './exporter-state.ts'
import type { Extra } from './extras.ts'
import { isWide, readBigUnsigned, readUnsigned } from './numbers.ts'
import { compileOptions, readOptions } from './options-plan.ts'
import type { Origin } from './origin.ts'
import type { FlowPlan, Plan, Source } from './plan.ts'
import { quarantineRow } from './quarantine.ts'
import type { RowWriter } from './row-writer.ts'
import { Run, writeRun } from './run.ts'
import type { Template } from './template.ts'
import type { CachedTemplate } from './template-cache.ts'

/** Plans kept for one template with optional fields; when there are more they are all compiled anew. */
const VARIANTS = 64
/** Optional fields that are told apart at a time: bits of a small integer. */
const BITS = 30

/** The records of one set. */
export interface SetRecords {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly start: number
  readonly end: number
}

/** Where the records of a set come from. */
export interface SetContext {
  readonly origin: Origin
  readonly exporter: ExporterState
  readonly domain: DomainState
  /** Flags of all rows. */
  readonly flags: number
}

/** Decodes the sets of v9 and IPFIX whose template is known. The structure has been checked. */
export class SetDecoder {
  readonly #writer: RowWriter
  readonly #counters: DecodeCounters
  readonly #extras: readonly Extra[]
  readonly #run = new Run()

  constructor(writer: RowWriter, counters: DecodeCounters, extras: readonly Extra[], valueBytes: number) {
    this.#writer = writer
    this.#counters = counters
    this.#extras = extras
    this.#run.valueBytes = valueBytes
  }

  /** Appends the flows of a set of data records; returns the number of records. */
  data(cached: CachedTemplate, set: SetRecords, context: SetContext): number {
    const { template } = cached
    if (template.minLength === 0) return 0
    cached.plan ??= compile(template, this.#extras)
    this.#open(template, set, context)
    return template.variable ? this.#varying(cached, cached.plan, set, context) : this.#fixed(cached.plan, set, context)
  }

  /** Takes what the options records of a set say; returns their number. */
  options(cached: CachedTemplate, set: SetRecords, context: SetContext): number {
    cached.options ??= compileOptions(cached.template)
    return this.#eachOption(cached.template, set, context, cached.options, false)
  }

  /** Takes what the options records say of sampling, ahead of their place in the message. */
  samplingAhead(template: Template, set: SetRecords, context: SetContext): void {
    this.#eachOption(template, set, context, compileOptions(template), true)
  }

  #open(
    { version, variable, minLength }: Template,
    set: SetRecords,
    { origin, exporter, domain, flags }: SetContext,
  ): void {
    const run = this.#run
    run.bytes = set.bytes
    run.view = set.view
    run.stride = variable ? 0 : minLength
    run.variable = variable
    run.version = version
    run.exportMs = origin.exportMs
    run.sysUptime = origin.sysUptime
    run.systemInitMs = domain.systemInitMs
    run.flags = flags
    run.samplers = domain.samplers
    run.override = exporter.override
  }

  #fixed({ template, forward, reverse }: Plan, { start, end }: SetRecords, { origin }: SetContext): number {
    const length = template.minLength
    const count = Math.floor((end - start) / length)
    if (reverse) {
      for (let k = 0; k < count; k++) this.#biflow(forward, reverse, start + k * length, origin)
      return count
    }
    let done = 0
    while (done < count) {
      const at = start + done * length
      const plain = this.#plainRecords(forward, at, count - done, length)
      done += plain > 0 ? this.#rows(forward, at, plain, origin) : this.#single(forward, at, origin)
    }
    return count
  }

  #varying(cached: CachedTemplate, base: Plan, { bytes, start, end }: SetRecords, { origin }: SetContext): number {
    const { layout } = this.#run
    let count = 0
    for (let at = start; end - at >= base.template.minLength; count++) {
      const next = layout.read(bytes, at, end, base.template)
      if (next < 0) return count
      const { forward, reverse } = base.optional.length > 0 ? this.#variant(cached, base) : base
      if (reverse) this.#biflow(forward, reverse, at, origin)
      else this.#single(forward, at, origin)
      at = next
    }
    return count
  }

  /** The plan for a record in which some optional fields are empty: each may uncover others that are empty too. */
  #variant(cached: CachedTemplate, base: Plan): Plan {
    let plan = base
    for (let bits = this.#empty(plan); bits !== 0; bits = this.#empty(plan)) {
      let next = plan.variants.get(bits)
      if (!next) {
        if (cached.variants === VARIANTS) {
          base.variants.clear()
          cached.variants = 0
        }
        next = compile(base.template, this.#extras, absentFields(plan, bits))
        plan.variants.set(bits, next)
        cached.variants++
      }
      plan = next
    }
    return plan
  }

  /** The first optional fields of a plan that are empty in the record at hand, as bits. */
  #empty({ optional }: Plan): number {
    let bits = 0
    for (let i = 0; i < optional.length && i < BITS; i++) {
      if (this.#run.layout.lengths[optional[i]!] === 0) bits |= 1 << i
    }
    return bits
  }

  #biflow(forward: FlowPlan, reverse: FlowPlan, at: number, origin: Origin): void {
    this.#single(forward, at, origin)
    this.#run.at = at
    if (this.#isAbove0(reverse.octets) || this.#isAbove0(reverse.packets)) {
      const before = this.#counters.flows
      this.#single(reverse, at, origin)
      this.#counters.reverseFlows += this.#counters.flows - before
    }
  }

  /** Writes up to `count` records from `at` on, as many as the batch has room for; returns their number. */
  #rows(plan: FlowPlan, at: number, count: number, origin: Origin): number {
    const rows = this.#writer.take(1)
    const { batch } = rows
    const run = this.#run
    run.at = at
    run.row = batch.length
    run.count = Math.min(count, batch.capacity - batch.length)
    writeRun(rows, run, plan, origin)
    batch.length += run.count
    this.#counters.flows += run.count
    return run.count
  }

  /** Writes one record, into the quarantine when a counter is above 2^53 - 1; returns 1. */
  #single(plan: FlowPlan, at: number, origin: Origin): number {
    if (this.#plainRecords(plan, at, 1, 0) === 1) return this.#rows(plan, at, 1, origin)
    const rows = this.#writer.take(1)
    const run = this.#run
    run.at = at
    run.row = rows.batch.length
    run.count = 1
    writeRun(rows, run, plan, origin)
    const { quarantine } = this.#writer.sink
    if (quarantine) quarantineRow(rows.batch, this.#big(plan.octets), this.#big(plan.packets), quarantine)
    this.#counters.quarantined++
    return 1
  }

  /** How many of `count` records from `at` on come before the first with a counter above 2^53 - 1. */
  #plainRecords({ wide }: FlowPlan, at: number, count: number, length: number): number {
    const run = this.#run
    run.at = at
    let plain = count
    for (const source of wide) {
      const octets = run.lengthOf(source)
      let from = run.offsetOf(source)
      for (let k = 0; k < plain; k++, from += length) if (isWide(run.bytes, run.view, from, octets)) plain = k
    }
    return plain
  }

  #isAbove0(source: Source | undefined): boolean {
    const run = this.#run
    return source !== undefined && readUnsigned(run.bytes, run.offsetOf(source), run.lengthOf(source)) > 0
  }

  #big(source: Source | undefined): bigint {
    const run = this.#run
    return source ? readBigUnsigned(run.bytes, run.offsetOf(source), run.lengthOf(source)) : 0n
  }

  #eachOption(
    template: Template,
    set: SetRecords,
    context: SetContext,
    plan: ReturnType<typeof compileOptions>,
    samplingOnly: boolean,
  ): number {
    if (template.minLength === 0) return 0
    this.#open(template, set, context)
    const run = this.#run
    let count = 0
    for (let at = set.start; set.end - at >= template.minLength; count++) {
      const next = template.variable ? run.layout.read(set.bytes, at, set.end, template) : at + template.minLength
      if (next < 0) return count
      run.at = at
      readOptions(run, 0, plan, context.domain, samplingOnly)
      at = next
    }
    return count
  }
}

const absentFields = ({ absent, optional }: Plan, bits: number): ReadonlySet<number> =>
  new Set([...absent, ...optional.filter((_, i) => i < BITS && bits & (1 << i))])
