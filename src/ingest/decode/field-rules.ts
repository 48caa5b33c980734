import type { AddressSlot, U8Slot, U16Slot, U32Slot } from './flow-rows.ts'
import { ADDRESS, U8, U16, U32 } from './flow-rows.ts'
import type { Clock } from './plan.ts'

/** Private enterprise number of the reverse elements (RFC 5103 section 6.1). */
export const REVERSE = 29305

/** Elements that may fill a field, the preferred first. */
export interface Lookup {
  readonly pen: number
  readonly ids: readonly number[]
}

/** Which elements fill a field of a flow, and of the other half of a biflow, whose ends are swapped. */
interface Rule {
  readonly forward: readonly Lookup[]
  readonly reverse: readonly Lookup[]
}

const own = (...ids: number[]): Lookup => ({ pen: 0, ids })
const reversed = (...ids: number[]): Lookup => ({ pen: REVERSE, ids })

const SRC_PORT = own(7, 180, 182)
const DST_PORT = own(11, 181, 183)
const INPUT_IF = own(10, 252)
const OUTPUT_IF = own(14, 253)
const SRC_AS = own(16)
const DST_AS = own(17)

/** A number: its column, the elements that fill it, and its value without any. */
export interface NumberRule<Slot> extends Rule {
  readonly slot: Slot
  readonly absent: number
}

// The reverse half takes a reverse element where there is one, and the other end of what belongs to an end (docs/decoding.md).

export const U8_RULES: readonly NumberRule<U8Slot>[] = [
  { slot: U8.proto, absent: 0, forward: [own(4)], reverse: [own(4)] },
  { slot: U8.tos, absent: 0, forward: [own(5)], reverse: [reversed(5), own(5)] },
  { slot: U8.direction, absent: 255, forward: [own(61)], reverse: [reversed(61)] },
]

export const U16_RULES: readonly NumberRule<U16Slot>[] = [
  { slot: U16.srcPort, absent: 0, forward: [SRC_PORT], reverse: [DST_PORT] },
  { slot: U16.dstPort, absent: 0, forward: [DST_PORT], reverse: [SRC_PORT] },
  { slot: U16.tcpFlags, absent: 0, forward: [own(6)], reverse: [reversed(6)] },
  { slot: U16.vlan, absent: 0, forward: [own(58, 243)], reverse: [reversed(58, 243), own(58, 243)] },
]

export const U32_RULES: readonly NumberRule<U32Slot>[] = [
  { slot: U32.inputIf, absent: 0, forward: [INPUT_IF], reverse: [reversed(10, 252), OUTPUT_IF] },
  { slot: U32.outputIf, absent: 0, forward: [OUTPUT_IF], reverse: [reversed(14, 253), INPUT_IF] },
  { slot: U32.srcAs, absent: 0, forward: [SRC_AS], reverse: [DST_AS] },
  { slot: U32.dstAs, absent: 0, forward: [DST_AS], reverse: [SRC_AS] },
]

/** Elements of an address or a prefix length, by family. */
interface Pair {
  readonly pen: number
  readonly v4: number
  readonly v6: number
}

const SRC_ADDR = { pen: 0, v4: 8, v6: 27 }
const DST_ADDR = { pen: 0, v4: 12, v6: 28 }
const SRC_MASK = { pen: 0, v4: 9, v6: 29 }
const DST_MASK = { pen: 0, v4: 13, v6: 30 }

export const ADDRESS_RULES: readonly { readonly slot: AddressSlot; readonly forward: Pair; readonly reverse: Pair }[] =
  [
    { slot: ADDRESS.srcAddr, forward: SRC_ADDR, reverse: DST_ADDR },
    { slot: ADDRESS.dstAddr, forward: DST_ADDR, reverse: SRC_ADDR },
    { slot: ADDRESS.nextHop, forward: { pen: 0, v4: 15, v6: 62 }, reverse: { pen: REVERSE, v4: 15, v6: 62 } },
  ]

export const MASK_RULES: readonly {
  readonly slot: U8Slot
  readonly address: AddressSlot
  readonly forward: Pair
  readonly reverse: Pair
}[] = [
  { slot: U8.srcMask, address: ADDRESS.srcAddr, forward: SRC_MASK, reverse: DST_MASK },
  { slot: U8.dstMask, address: ADDRESS.dstAddr, forward: DST_MASK, reverse: SRC_MASK },
]

const OCTETS = [1, 85, 23, 171, 231]
const PACKETS = [2, 86, 24, 172, 298]

/** Counters: one is chosen by presence, even when its value is 0. The responder's (232, 299) are the reverse half. */
export const COUNTER_RULES: { readonly [C in 'bytes' | 'packets']: Rule } = {
  bytes: { forward: [own(...OCTETS)], reverse: [reversed(...OCTETS), own(232)] },
  packets: { forward: [own(...PACKETS)], reverse: [reversed(...PACKETS), own(299)] },
}

/** Running totals among the counters. */
export const TOTAL_COUNTERS: ReadonlySet<number> = new Set([85, 86, 171, 172])

/** Time elements, the most exact first. */
export const TIME_RULES: {
  readonly [T in 'start' | 'end' | 'observation']: readonly { readonly id: number; readonly type: Clock['type'] }[]
} = {
  start: [
    { id: 156, type: 'nanoseconds' },
    { id: 154, type: 'microseconds' },
    { id: 152, type: 'milliseconds' },
    { id: 150, type: 'seconds' },
    { id: 158, type: 'before-export' },
    { id: 22, type: 'uptime' },
  ],
  end: [
    { id: 157, type: 'nanoseconds' },
    { id: 155, type: 'microseconds' },
    { id: 153, type: 'milliseconds' },
    { id: 151, type: 'seconds' },
    { id: 159, type: 'before-export' },
    { id: 21, type: 'uptime' },
  ],
  observation: [
    { id: 325, type: 'nanoseconds' },
    { id: 324, type: 'microseconds' },
    { id: 323, type: 'milliseconds' },
    { id: 322, type: 'seconds' },
  ],
}
