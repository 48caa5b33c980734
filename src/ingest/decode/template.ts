/** Field length that announces a variable length (RFC 7011 section 7). */
export const VARIABLE = 65535

export interface TemplateField {
  /** Information element, or v9 field type; a v9 scope type when `scope`. */
  readonly id: number
  /** Private enterprise number, 0 for IANA. */
  readonly pen: number
  /** Octets; `VARIABLE` when each value carries its own length. */
  readonly length: number
  readonly scope: boolean
}

/** A template as received. */
export interface Template {
  readonly type: 'data' | 'options'
  readonly version: 9 | 10
  readonly id: number
  readonly fields: readonly TemplateField[]
  /** The template record on the wire, header included: equality and state files use it. */
  readonly raw: Uint8Array
  /** Length of the shortest record: fixed lengths, and one octet per variable-length field. A record of 0 octets is never decoded. */
  readonly minLength: number
  readonly variable: boolean
}

/** What a template set says, in its order. */
export type TemplateStatement =
  | { readonly type: 'template'; readonly template: Template }
  | { readonly type: 'withdraw'; readonly kind: Template['type']; readonly id: number }
  | { readonly type: 'withdrawAll'; readonly kind: Template['type'] }
