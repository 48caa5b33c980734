import { leastUsed } from '../ledger/least-used.ts'
import type { DecodeCounters } from './counters.ts'
import type { Budgets } from './options.ts'
import type { OptionsPlan } from './options-plan.ts'
import type { Plan } from './plan.ts'
import type { Template } from './template.ts'

/** A template of one domain, with what it was compiled to on first use. */
export interface CachedTemplate {
  readonly template: Template
  readonly domain: number
  lastSeenMs: number
  /** Used since the last look for one to forget. */
  used: boolean
  plan: Plan | undefined
  /** Plans that were compiled for records in which optional fields have length 0. */
  variants: number
  options: OptionsPlan | undefined
}

/** Octets a template is counted with beside its definition. */
const OVERHEAD = 64

/** The templates of one exporter, by version, domain and id; never by source port (RFC 7011 section 8 and the rules of docs/decoding.md). */
export class TemplateCache {
  /** Octets held. */
  sizeBytes = 0
  readonly #templates = new Map<number, CachedTemplate>()
  readonly #budgets: Budgets
  readonly #counters: DecodeCounters

  constructor(budgets: Budgets, counters: DecodeCounters) {
    this.#budgets = budgets
    this.#counters = counters
  }

  /** The template of a set, unless its lifetime is over. */
  find(version: number, domain: number, id: number, nowMs: number): CachedTemplate | undefined {
    const key = templateKey(version, domain, id)
    const cached = this.#templates.get(key)
    if (!cached) return undefined
    if (nowMs - cached.lastSeenMs > this.#budgets.templateLifetimeMs) {
      this.#remove(key, cached)
      this.#counters.templatesExpired++
      return undefined
    }
    cached.used = true
    return cached
  }

  /** Keeps a template, in place of any other of its id. A repetition renews its lifetime. Undefined when it is over a budget. */
  define(domain: number, template: Template, nowMs: number): CachedTemplate | undefined {
    const key = templateKey(template.version, domain, template.id)
    const old = this.#templates.get(key)
    if (old && isSame(old.template, template)) {
      old.lastSeenMs = nowMs
      old.used = true
      return old
    }
    if (old) this.#remove(key, old)
    const sizeBytes = template.raw.length + OVERHEAD
    if (
      template.fields.length > this.#budgets.fieldsPerTemplate ||
      sizeBytes > this.#budgets.templateBytesPerExporter
    ) {
      this.#counters.templatesRefused++
      return undefined
    }
    this.#makeRoom(sizeBytes)
    const cached = {
      template,
      domain,
      lastSeenMs: nowMs,
      used: false,
      plan: undefined,
      variants: 0,
      options: undefined,
    }
    this.#templates.set(key, cached)
    this.sizeBytes += sizeBytes
    return cached
  }

  withdraw(version: number, domain: number, kind: Template['type'], id: number): void {
    const key = templateKey(version, domain, id)
    const cached = this.#templates.get(key)
    if (cached?.template.type === kind) this.#remove(key, cached)
  }

  withdrawAll(version: number, domain: number, kind: Template['type']): void {
    for (const [key, cached] of this.#templates) {
      const { template } = cached
      if (template.version === version && cached.domain === domain && template.type === kind) this.#remove(key, cached)
    }
  }

  /** Every template, the ones heard longest ago first. */
  all(): Iterable<CachedTemplate> {
    return this.#templates.values()
  }

  get size(): number {
    return this.#templates.size
  }

  #makeRoom(sizeBytes: number): void {
    const { templatesPerExporter, templateBytesPerExporter } = this.#budgets
    while (
      this.#templates.size > 0 &&
      (this.#templates.size >= templatesPerExporter || this.sizeBytes + sizeBytes > templateBytesPerExporter)
    ) {
      const key = leastUsed(this.#templates)
      this.#remove(key, this.#templates.get(key)!)
      this.#counters.templatesEvicted++
    }
  }

  #remove(key: number, { template }: CachedTemplate): void {
    this.#templates.delete(key)
    this.sizeBytes -= template.raw.length + OVERHEAD
  }
}

/** Domain (32 bits), version (4) and id (16) in one safe integer. */
export const templateKey = (version: number, domain: number, id: number): number => (domain * 16 + version) * 65536 + id

function isSame(a: Template, b: Template): boolean {
  if (a.type !== b.type || a.raw.length !== b.raw.length) return false
  for (let i = 0; i < a.raw.length; i++) if (a.raw[i] !== b.raw[i]) return false
  return true
}
