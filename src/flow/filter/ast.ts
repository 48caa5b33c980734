/** A filter as plain data: what the text comes down to once names, types and shorthands are resolved. */
export type Filter = Junction | Negation | Comparison | Membership | FlagTest | PresenceTest

/** Two terms at least; a junction never holds one of its own kind. */
export interface Junction {
  readonly type: 'and' | 'or'
  readonly terms: readonly Filter[]
}

export interface Negation {
  readonly type: 'not'
  readonly term: Filter
}

/** Never true for a row without a value, `!=` included. */
export interface Comparison {
  readonly type: 'compare'
  readonly column: string
  readonly operator: Operator
  readonly value: Literal
}

/** True when the value is one of those listed; addresses also when they lie in one of the prefixes. Never true for a row without a value. */
export interface Membership {
  readonly type: 'in'
  readonly column: string
  readonly values: readonly Literal[]
}

/** True when all bits of the mask are set. */
export interface FlagTest {
  readonly type: 'has'
  readonly column: string
  readonly mask: number
}

/** True when the row has a value, or an address. */
export interface PresenceTest {
  readonly type: 'present'
  readonly column: string
}

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>='

/** Numbers, instants and durations (both in milliseconds) as numbers; 64-bit integers as decimal text; addresses, prefixes, text, and bytes in hexadecimal as text. */
export type Literal = number | string | boolean

/** The length of a flow, `end - start`: a column that no block has but every filter over flows can use. */
export const DURATION = 'duration'
