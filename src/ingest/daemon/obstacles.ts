import type { IngestStatus } from './status.ts'

/** Rolls that may wait for the store while it keeps up. */
const FEW_ROLLS = 2

/** What keeps a daemon from storing what it receives, a line each; none while all is well. */
export function obstacles({ opened, outbox, storeFailure, spoolFailure, receiverFull }: IngestStatus): string[] {
  const lines: string[] = []
  if (!opened) lines.push('the store has not answered yet')
  if (storeFailure !== undefined) lines.push(`the store does not take flows: ${storeFailure}`)
  if (outbox.waiting > FEW_ROLLS)
    lines.push(`${outbox.waiting} rolls (${outbox.waitingBytes} bytes) wait for the store`)
  if (spoolFailure !== undefined) lines.push(`the spool cannot be written: ${spoolFailure}`)
  if (receiverFull) lines.push('the spool holds as much as it may, datagrams are dropped')
  return lines
}
