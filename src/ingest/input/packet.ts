/**
 * Takes one captured packet: `bytes[at .. end)`, link header included, captured at `timeMs` (milliseconds, rounded down). The bytes are valid
 * during the call.
 */
export type PacketHandler = (bytes: Uint8Array, at: number, end: number, linkType: number, timeMs: number) => void

/** Called between runs of packets, whenever memory is about to be reused, so that the consumer can catch up. */
export type Pause = () => Promise<void> | undefined

/** No capture has larger packets; a larger length is a damaged file. */
export const MAX_PACKET_BYTES = 1 << 20
