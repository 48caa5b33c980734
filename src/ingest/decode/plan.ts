import type { AddressSlot, U8Slot, U16Slot, U32Slot } from './flow-rows.ts'
import type { ElementType } from './options.ts'
import type { Template } from './template.ts'

/** Where a value lies in the records of a template: by field number, and at an offset when every record has the same length. */
export interface Source {
  readonly field: number
  /** Octets from the start of the record; meaningless in a template with variable-length fields. */
  readonly offset: number
  /** Octets; `VARIABLE` when the record says. */
  readonly length: number
}

/** How a time element counts. */
export type Clock =
  | { readonly type: 'uptime'; readonly source: Source } // milliseconds of sysUptime (21, 22)
  | { readonly type: 'seconds' | 'milliseconds' | 'microseconds' | 'nanoseconds'; readonly source: Source } // 150 .. 157, 322 .. 325
  | { readonly type: 'before-export'; readonly source: Source } // microseconds before the export time (158, 159)

/** One thing to do for the rows of a run of records. */
export type Step =
  | { readonly type: 'u8'; readonly slot: U8Slot; readonly source: Source }
  | { readonly type: 'u16'; readonly slot: U16Slot; readonly source: Source }
  | { readonly type: 'u32'; readonly slot: U32Slot; readonly source: Source }
  | { readonly type: 'bytes' | 'packets'; readonly source: Source }
  | AddressStep
  | MaskStep
  | TimesStep
  | SamplingStep
  | ExtraStep
  | { readonly type: 'absent-u8'; readonly slot: U8Slot; readonly value: number }
  | { readonly type: 'absent-u16'; readonly slot: U16Slot }
  | { readonly type: 'absent-u32'; readonly slot: U32Slot }
  | { readonly type: 'absent-bytes' | 'absent-packets' }

/** IPv4, IPv6, or both with the version of each record (element 60) to tell which. */
export interface AddressStep {
  readonly type: 'address'
  readonly slot: AddressSlot
  readonly v4?: Source
  readonly v6?: Source
  readonly version?: Source
}

/** The prefix length of the family that the address of the row has, else the other. */
export interface MaskStep {
  readonly type: 'mask'
  readonly slot: U8Slot
  readonly address: AddressSlot
  readonly v4?: Source
  readonly v6?: Source
}

export interface TimesStep {
  readonly type: 'times'
  readonly start?: Clock
  readonly end?: Clock
  /** Time of the observation, for records that are events and have neither. */
  readonly observation?: Clock
  /** systemInitTimeMilliseconds (160) in the record. */
  readonly systemInit?: Source
}

/** What a record says of its sampling: a rate, or who sampled it. */
export interface SamplingStep extends SamplingSources {
  readonly type: 'sampling'
}

export interface SamplingSources {
  /** 34, or 50: one of so many. */
  readonly interval?: Source
  /** 305 and 306, or 309 and 310, or 307 and 308. */
  readonly size?: Source
  /** What was not taken (306, 308). */
  readonly space?: Source
  /** What was there to take from (310). */
  readonly population?: Source
  /** 311, a float. */
  readonly probability?: Source
  /** 48 or 302. */
  readonly sampler?: Source
}

/** An element kept in a column of its own. */
export interface ExtraStep {
  readonly type: 'extra'
  readonly index: number
  readonly kind: ElementType
  readonly source: Source
}

/** How the records of a template become rows of one direction. */
export interface FlowPlan {
  readonly steps: readonly Step[]
  /** Flags of every row. */
  readonly flags: number
  /** Counters long enough to be above 2^53 - 1. */
  readonly octets?: Source
  readonly packets?: Source
  /** Extra columns that no step fills. */
  readonly absentExtras: readonly number[]
}

/** A template, compiled once. */
export interface Plan {
  readonly template: Template
  readonly forward: FlowPlan
  /** The other half of a biflow. */
  readonly reverse?: FlowPlan
  /** Variable-length fields that fill a flow field: one of length 0 counts as absent, so that the record needs another plan. */
  readonly optional: readonly number[]
}
