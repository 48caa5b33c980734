import type { MalformedReason } from './reasons.ts'
import { recordEnd } from './record.ts'
import type { Template, TemplateStatement } from './template.ts'
import { isZero, readTemplateSet } from './template-set.ts'

/** Set ids of templates: v9 (RFC 3954 section 5) and IPFIX (RFC 7011 section 3.3.2). */
const TEMPLATE_SETS = { 9: { data: 0, options: 1 }, 10: { data: 2, options: 3 } } as const

export const FIRST_DATA_SET = 256

/** A set of a message that is known to be well formed; `statements` of a template set. */
export interface SetSpan {
  readonly id: number
  /** First octet after the set header, and the one after the set. */
  readonly start: number
  readonly end: number
  readonly statements?: readonly TemplateStatement[]
  /** The template of a set of options records. */
  readonly options?: Template
}

/** The templates a message is read with before it is accepted: those known, overlaid with its own. */
export interface TemplateSource {
  /** Withdrawals are obeyed: not over UDP (RFC 7011 section 8.4). */
  readonly withdrawals: boolean
  find(id: number): Template | undefined
}

/**
 * Checks the structure of the sets in [start, end) of a v9 or IPFIX message and lists them in `sets`. Returns why it is malformed, or undefined.
 * Nothing outside is changed, so that a malformed message leaves no template behind.
 */
export function readSets(
  bytes: Uint8Array,
  view: DataView,
  { version, start, end }: { version: 9 | 10; start: number; end: number },
  known: TemplateSource,
  sets: SetSpan[],
): MalformedReason | undefined {
  // Made for the first template of the message: most messages have none.
  let own: Overlay | undefined
  const ids = TEMPLATE_SETS[version]
  let at = start
  while (end - at >= 4) {
    const id = view.getUint16(at)
    const length = view.getUint16(at + 2)
    if (length < 4) return version === 9 && isZero(bytes, at, end) ? undefined : 'set-too-short'
    const setEnd = at + length
    if (setEnd > end) return 'set-beyond-end'
    const span = { id, start: at + 4, end: setEnd }
    if (id === ids.data || id === ids.options) {
      const statements: TemplateStatement[] = []
      const type = id === ids.data ? 'data' : 'options'
      const reason = readTemplateSet(bytes, view, { version, type, start: span.start, end: setEnd }, statements)
      if (reason) return reason
      own ??= new Overlay(known)
      own.apply(statements)
      sets.push({ ...span, statements })
    } else {
      const template = id < FIRST_DATA_SET ? undefined : (own ?? known).find(id)
      if (template?.variable && isCut(bytes, span, template)) return 'value-cut'
      sets.push(template?.type === 'options' ? { ...span, options: template } : span)
    }
    at = setEnd
  }
  return isZero(bytes, at, end) ? undefined : 'trailing-bytes'
}

/** True when a variable-length value runs over the end of its set. */
export function isCut(bytes: Uint8Array, { start, end }: SetSpan, template: Template): boolean {
  let at = start
  while (template.minLength > 0 && end - at >= template.minLength) {
    at = recordEnd(bytes, at, end, template)
    if (at < 0) return true
  }
  return false
}

/** Known templates, with the statements of the message so far on top. */
class Overlay {
  readonly #known: TemplateSource
  readonly #own = new Map<number, Template | undefined>()
  readonly #withdrawn = new Set<Template['type']>()

  constructor(known: TemplateSource) {
    this.#known = known
  }

  find(id: number): Template | undefined {
    if (this.#own.has(id)) return this.#own.get(id)
    const template = this.#known.find(id)
    return template && this.#withdrawn.has(template.type) ? undefined : template
  }

  apply(statements: readonly TemplateStatement[]): void {
    for (const statement of statements) {
      if (statement.type === 'template') this.#own.set(statement.template.id, statement.template)
      else if (!this.#known.withdrawals) continue
      else if (statement.type === 'withdraw') this.#own.set(statement.id, undefined)
      else this.#withdrawAll(statement.kind)
    }
  }

  #withdrawAll(kind: Template['type']): void {
    this.#withdrawn.add(kind)
    for (const [id, template] of this.#own) if (template?.type === kind) this.#own.set(id, undefined)
  }
}
