import { copyBytes } from './copy-bytes.ts'
import type { MalformedReason } from './reasons.ts'
import type { Template, TemplateField, TemplateStatement } from './template.ts'
import { VARIABLE } from './template.ts'

/** Where a template set lies, and what kind it is. */
export interface TemplateSet {
  readonly version: 9 | 10
  readonly type: Template['type']
  /** First octet after the set header, and the one after the set. */
  readonly start: number
  readonly end: number
}

/** Octets of a template record before its fields. */
const HEADER = { data: 4, options: 6 } as const

/** Reads the statements of a template set into `statements`; returns why the message is malformed, or undefined. */
export function readTemplateSet(
  bytes: Uint8Array,
  view: DataView,
  set: TemplateSet,
  statements: TemplateStatement[],
): MalformedReason | undefined {
  let at = set.start
  while (set.end - at >= 4) {
    const id = view.getUint16(at)
    if (id === 0 && isZero(bytes, at, set.end)) return undefined
    const withdrawal = withdrawalAt(view, at, set)
    if (withdrawal) {
      statements.push(withdrawal)
      at += 4
      continue
    }
    if (id < 256) return 'template-id-below-256'
    const template = readTemplate(bytes, view, at, set)
    if (!template) return 'template-cut'
    statements.push({ type: 'template', template })
    at += template.raw.length
  }
  return undefined
}

/** A template without fields withdraws (RFC 7011 section 8.1); v9 has no withdrawals. Its id is the set's for all templates of the kind. */
function withdrawalAt(view: DataView, at: number, { version, type: kind }: TemplateSet): TemplateStatement | undefined {
  if (version !== 10 || view.getUint16(at + 2) !== 0) return undefined
  const id = view.getUint16(at)
  if (id === (kind === 'data' ? 2 : 3)) return { type: 'withdrawAll', kind }
  return id < 256 ? undefined : { type: 'withdraw', kind, id }
}

/** Reads the template record at `at`; undefined when it runs over the end of the set. */
export function readTemplate(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  { version, type, end }: TemplateSet,
): Template | undefined {
  let next = at + HEADER[type]
  if (next > end) return undefined
  const counts = fieldCounts(view, at, version, type)
  if (!counts) return undefined
  const fields: TemplateField[] = []
  for (let i = 0; i < counts.fields; i++) {
    const enterprise = version === 10 && next + 4 <= end && view.getUint16(next) >= 0x8000
    const after = next + (enterprise ? 8 : 4)
    if (after > end) return undefined
    const id = version === 10 ? view.getUint16(next) & 0x7fff : view.getUint16(next)
    const pen = enterprise ? view.getUint32(next + 4) : 0
    fields.push({ id, pen, length: view.getUint16(next + 2), scope: i < counts.scopes })
    next = after
  }
  return { ...describe(fields), type, version, id: view.getUint16(at), raw: copyBytes(bytes, at, next) }
}

/** v9 gives the octets of the scopes and of the options, IPFIX the number of all fields and of the scopes among them. */
function fieldCounts(
  view: DataView,
  at: number,
  version: 9 | 10,
  type: Template['type'],
): { fields: number; scopes: number } | undefined {
  if (type === 'data') return { fields: view.getUint16(at + 2), scopes: 0 }
  const [first, second] = [view.getUint16(at + 2), view.getUint16(at + 4)]
  if (version === 10) return { fields: first, scopes: second }
  if (first % 4 !== 0 || second % 4 !== 0) return undefined
  return { fields: (first + second) / 4, scopes: first / 4 }
}

function describe(fields: readonly TemplateField[]): Pick<Template, 'fields' | 'minLength' | 'variable'> {
  let minLength = 0
  let variable = false
  for (const { length } of fields) {
    minLength += length === VARIABLE ? 1 : length
    variable ||= length === VARIABLE
  }
  return { fields, minLength, variable }
}

export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}
