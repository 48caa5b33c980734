import { type ExporterAddress, exporterFromBytes } from './exporter-address.ts'

/** Addresses remembered of each family. */
const MAX_REMEMBERED = 65_536

/** Exporter addresses by what a packet says of them, each made once. */
export class ExporterAddresses {
  readonly #v4 = new Map<number, ExporterAddress>()
  readonly #v6 = new Map<string, ExporterAddress>()

  /** That of an IPv4 address as an unsigned integer. */
  v4(value: number): ExporterAddress {
    return this.#v4.get(value) ?? this.#meet4(value)
  }

  /** That of the 16 bytes at `at`; IPv4-mapped becomes IPv4. */
  v6(bytes: Uint8Array, at: number): ExporterAddress {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset + at, 16).toString('latin1')
    const known = this.#v6.get(key)
    if (known) return known
    if (this.#v6.size >= MAX_REMEMBERED) this.#v6.clear()
    const exporter = exporterFromBytes(bytes, at, 16)
    this.#v6.set(key, exporter)
    return exporter
  }

  #meet4(value: number): ExporterAddress {
    if (this.#v4.size >= MAX_REMEMBERED) this.#v4.clear()
    const bytes = Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
    const exporter = exporterFromBytes(bytes, 0, 4)
    this.#v4.set(value, exporter)
    return exporter
  }
}
