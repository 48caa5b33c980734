import type { AddressSlot, U8Slot, U16Slot, U32Slot } from './flow-rows.ts'
import type { ElementType } from './options.ts'
import type { Template } from './template.ts'

/**
 * What a template is compiled to. Absent properties are there as undefined and lists hold one kind of step each, so that all plans have
 * one shape and running one needs no dispatch.
 */

/** Where a value lies in the records of a template: by field number, and at an offset when every record has the same length. */
export interface Source {
  readonly field: number
  /** Octets from the start of the record; meaningless in a template with variable-length fields. */
  readonly offset: number
  /** Octets; `VARIABLE` when the record says. */
  readonly length: number
}

/** How a time element counts. */
export interface Clock {
  readonly type:
    | 'uptime' // milliseconds of sysUptime (21, 22)
    | 'seconds' // 150, 151, 322
    | 'milliseconds' // 152, 153, 323
    | 'microseconds' // NTP: 154, 155, 324
    | 'nanoseconds' // NTP: 156, 157, 325
    | 'before-export' // microseconds before the export time (158, 159)
  readonly source: Source
}

/** A column filled from one element. */
export interface NumberStep<Slot> {
  readonly slot: Slot
  readonly source: Source
}

/** A column that the template has nothing for. */
export interface AbsentStep<Slot> {
  readonly slot: Slot
  readonly value: number
}

/** IPv4, IPv6, or both with the version of each record (element 60) to tell which. */
export interface AddressStep {
  readonly slot: AddressSlot
  readonly v4: Source | undefined
  readonly v6: Source | undefined
  readonly version: Source | undefined
}

/** The prefix length of the family that the address of the row has, else the other. */
export interface MaskStep {
  readonly slot: U8Slot
  readonly address: AddressSlot
  readonly v4: Source | undefined
  readonly v6: Source | undefined
}

export interface TimesStep {
  readonly start: Clock | undefined
  readonly end: Clock | undefined
  /** Time of the observation, for records that are events and have neither. */
  readonly observation: Clock | undefined
  /** systemInitTimeMilliseconds (160) in the record. */
  readonly systemInit: Source | undefined
}

/** What a record says of its sampling: a rate, or who sampled it. */
export interface SamplingStep {
  /** 34, or 50: one of so many. */
  readonly interval: Source | undefined
  /** What was taken (305, 309 or 307). */
  readonly size: Source | undefined
  /** What was not taken (306, 308). */
  readonly space: Source | undefined
  /** What was there to take from (310). */
  readonly population: Source | undefined
  /** 311, a float. */
  readonly probability: Source | undefined
  /** 48 or 302. */
  readonly sampler: Source | undefined
}

/** An element kept in a column of its own. */
export interface ExtraStep {
  readonly index: number
  readonly kind: ElementType
  readonly source: Source
}

/** How the records of a template become rows of one direction. */
export interface FlowPlan {
  readonly u8: readonly NumberStep<U8Slot>[]
  readonly u16: readonly NumberStep<U16Slot>[]
  readonly u32: readonly NumberStep<U32Slot>[]
  readonly absentU8: readonly AbsentStep<U8Slot>[]
  readonly absentU16: readonly AbsentStep<U16Slot>[]
  readonly absentU32: readonly AbsentStep<U32Slot>[]
  readonly addresses: readonly AddressStep[]
  readonly masks: readonly MaskStep[]
  readonly octets: Source | undefined
  readonly packets: Source | undefined
  /** Those of the two that are long enough to be above 2^53 - 1. */
  readonly wide: readonly Source[]
  readonly times: TimesStep
  readonly sampling: SamplingStep
  readonly extras: readonly ExtraStep[]
  /** Extra columns that the template has nothing for. */
  readonly absentExtras: readonly number[]
  /** Flags of every row. */
  readonly flags: number
}

/** A template, compiled once. */
export interface Plan {
  readonly template: Template
  readonly forward: FlowPlan
  /** The other half of a biflow. */
  readonly reverse: FlowPlan | undefined
  /** Fields that have length 0 in the records it is for. */
  readonly absent: ReadonlySet<number>
  /** Variable-length fields that fill a flow field: one of length 0 counts as absent, so that the record needs another plan. */
  readonly optional: readonly number[]
  /** Those other plans, by the bits of the optional fields that are empty. */
  readonly variants: Map<number, Plan>
}
