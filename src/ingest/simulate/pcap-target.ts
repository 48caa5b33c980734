import { type FileHandle, open } from 'node:fs/promises'
import { IngestError } from '../error.ts'
import type { SimulatedExporter } from './exporters.ts'
import { type DatagramTarget, dotted } from './target.ts'

const CHUNK_BYTES = 1 << 20
const LARGEST_PACKET_BYTES = 2048
/** Record header 16, Ethernet 14, IPv4 20, UDP 8. */
const RECORD_HEADER_BYTES = 16
const HEADERS_BYTES = 42
const ETHERNET = 1
const COLLECTOR = 0xc6336401 // 198.51.100.1, a documentation address
const COLLECTOR_PORT = 2055

/** Opens a classic pcap file (microseconds, little-endian, Ethernet without VLAN) and writes datagrams to it as they come; memory stays at one chunk. */
export async function openPcapTarget(path: string, exporters: readonly SimulatedExporter[]): Promise<DatagramTarget> {
  const file = await open(path, 'w').catch((error: unknown) => {
    throw new IngestError(
      'bad-target',
      `simulate: target expected a file that can be written, got ${path}`,
      { path },
      error,
    )
  })
  return new PcapTarget(file, exporters)
}

class PcapTarget implements DatagramTarget {
  readonly addresses: readonly { address: string; port: number }[]
  readonly refused = 0
  readonly #file: FileHandle
  readonly #chunk = new Uint8Array(CHUNK_BYTES)
  readonly #view = new DataView(this.#chunk.buffer)
  /** The constant part of the headers of each exporter. */
  readonly #headers: readonly Uint8Array[]
  readonly #identification: Uint16Array
  #at = 0

  constructor(file: FileHandle, exporters: readonly SimulatedExporter[]) {
    this.#file = file
    this.addresses = exporters.map(({ address, sourcePort }) => ({ address: dotted(address), port: sourcePort }))
    this.#headers = exporters.map(packetHeaders)
    this.#identification = new Uint16Array(exporters.length)
    const view = this.#view
    view.setUint32(0, 0xa1b2c3d4, true)
    view.setUint16(4, 2, true)
    view.setUint16(6, 4, true)
    view.setUint32(16, 262_144, true)
    view.setUint32(20, ETHERNET, true)
    this.#at = 24
  }

  send({ index }: SimulatedExporter, bytes: Uint8Array, length: number, exportMs: number): Promise<void> | undefined {
    const view = this.#view
    const at = this.#at
    const packet = at + RECORD_HEADER_BYTES
    view.setUint32(at, Math.floor(exportMs / 1000), true)
    view.setUint32(at + 4, Math.floor((exportMs % 1000) * 1000), true)
    view.setUint32(at + 8, HEADERS_BYTES + length, true)
    view.setUint32(at + 12, HEADERS_BYTES + length, true)
    this.#chunk.set(this.#headers[index]!, packet)
    view.setUint16(packet + 16, 28 + length)
    view.setUint16(packet + 18, this.#identification[index]!++)
    view.setUint16(packet + 24, headerChecksum(view, packet + 14))
    view.setUint16(packet + 38, 8 + length)
    this.#chunk.set(length === bytes.length ? bytes : bytes.subarray(0, length), packet + HEADERS_BYTES)
    this.#at = packet + HEADERS_BYTES + length
    return this.#at > CHUNK_BYTES - LARGEST_PACKET_BYTES ? this.#flush() : undefined
  }

  async close(): Promise<void> {
    try {
      await this.#flush()
    } finally {
      await this.#file.close()
    }
  }

  async #flush(): Promise<void> {
    const length = this.#at
    this.#at = 0
    for (let done = 0; done < length; ) done += (await this.#file.write(this.#chunk, done, length - done)).bytesWritten
  }
}

/** Ethernet, IPv4 and UDP headers with everything that does not change; the UDP checksum is 0, "none" (RFC 768). */
function packetHeaders({ index, address, sourcePort }: SimulatedExporter): Uint8Array {
  const view = new DataView(new ArrayBuffer(HEADERS_BYTES))
  view.setUint32(0, 0x02000000)
  view.setUint16(4, 0x0001)
  view.setUint32(6, 0x02000001)
  view.setUint16(10, index)
  view.setUint16(12, 0x0800)
  view.setUint16(14, 0x4500)
  view.setUint16(20, 0x4000)
  view.setUint8(22, 64)
  view.setUint8(23, 17)
  view.setUint32(26, address)
  view.setUint32(30, COLLECTOR)
  view.setUint16(34, sourcePort)
  view.setUint16(36, COLLECTOR_PORT)
  return new Uint8Array(view.buffer)
}

/** Internet checksum (RFC 1071) of the 20 bytes at `at`, whose checksum field is zero. */
function headerChecksum(view: DataView, at: number): number {
  let sum = 0
  for (let i = 0; i < 20; i += 2) sum += view.getUint16(at + i)
  sum = (sum & 0xffff) + (sum >>> 16)
  return ~(sum + (sum >>> 16)) & 0xffff
}
