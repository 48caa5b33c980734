import type { Frames, Taken } from '../decode/v5-intake.ts'

/**
 * Takes one captured packet: `bytes[at .. end)`, link header included, captured at `timeMs` (milliseconds, rounded down). The bytes are valid
 * during the call.
 */
export type PacketHandler = (bytes: Uint8Array, at: number, end: number, linkType: number, timeMs: number) => void

/**
 * Takes packets of a classic pcap file from the front of frames, all at once, as far as it can; returns how many, and where the next begins. The others are for a
 * `PacketHandler`, one by one.
 */
export type PacketRun = (frames: Frames) => Taken

/** Called between runs of packets, whenever memory is about to be reused, so that the consumer can catch up. */
export type Pause = () => Promise<void> | undefined

/** No capture has larger packets; a larger length is a damaged file. */
export const MAX_PACKET_BYTES = 1 << 20
