import type { ExporterAddress } from '../decode/exporter-address.ts'
import { IngestError } from '../error.ts'
import type { DatagramHandler } from './datagram.ts'
import { MAX_PAYLOAD_BYTES } from './filekind.ts'
import type { Pause } from './packet.ts'
import type { FileWindow } from './window.ts'

const MESSAGE_HEADER_BYTES = 16
/** Where an exporter without an address is said to send from. */
const DEFAULT_PORT = 2055

/**
 * Reads IPFIX messages written back to back (RFC 5655), each as a datagram without an arrival time, from port 2055, or from port 0 when
 * the file is larger than any datagram. Returns the number of bytes after the last whole message, which are no datagram.
 * Throws IngestError `truncated` when not even one message is whole.
 */
export async function readMessages(
  window: FileWindow,
  exporter: ExporterAddress,
  onDatagram: DatagramHandler,
  pause: Pause,
): Promise<number> {
  const sourcePort = window.sizeBytes > MAX_PAYLOAD_BYTES ? 0 : DEFAULT_PORT
  while (window.end - window.at >= MESSAGE_HEADER_BYTES || (await window.fill(MESSAGE_HEADER_BYTES))) {
    const { view, at } = window
    const length = view.getUint16(at + 2)
    // The next message cannot be found after one of this length: a first one is left to the decoder to refuse.
    if (view.getUint16(at) !== 10 || length < MESSAGE_HEADER_BYTES) break
    if (window.end - at < length) {
      await pause()
      if (!(await window.fill(length))) break
      continue
    }
    onDatagram(window.bytes.subarray(at, at + length), exporter, sourcePort, undefined)
    window.at = at + length
  }
  if (window.offset === 0) refuseFirst(window, exporter, onDatagram)
  return window.sizeBytes - window.offset
}

function refuseFirst(window: FileWindow, exporter: ExporterAddress, onDatagram: DatagramHandler): void {
  const { path, sizeBytes, view, at } = window
  const length = window.end - at >= 4 ? view.getUint16(at + 2) : MESSAGE_HEADER_BYTES
  if (length >= MESSAGE_HEADER_BYTES) {
    const message = `import: ${path} expected a message of ${length} bytes, got the end of the file at ${sizeBytes}`
    throw new IngestError('truncated', message, { path })
  }
  onDatagram(window.bytes.subarray(at, window.end), exporter, DEFAULT_PORT, undefined)
  window.at = window.end
}

/** Reads a file that is the payload of one datagram. */
export async function readPayload(
  window: FileWindow,
  exporter: ExporterAddress,
  onDatagram: DatagramHandler,
): Promise<void> {
  await window.fill(window.sizeBytes)
  onDatagram(window.bytes.subarray(window.at, window.end), exporter, DEFAULT_PORT, undefined)
  window.at = window.end
}
