import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseExporter } from '../../../src/ingest/decode/exporter-address.ts'
import type { IngestError } from '../../../src/ingest/error.ts'
import { type FileFacts, readDatagrams } from '../../../src/ingest/input/read.ts'
import { fc } from '../../kit/fast-check.ts'
import {
  block,
  bytes,
  type Captured,
  endian,
  enhancedPacket,
  ethernet,
  interfaceDescription,
  ipv4,
  ipv6,
  PORT,
  pcap,
  sectionHeader,
  u16,
  u32,
  udp,
} from '../packets.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowreduce-input-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Read extends FileFacts {
  readonly datagrams: { payload: number[]; exporter: string; port: number; ms: number | undefined }[]
}

let files = 0
async function read(content: Uint8Array): Promise<Read> {
  const path = join(folder, `file-${files++}`)
  writeFileSync(path, content)
  const datagrams: Read['datagrams'] = []
  const facts = await readDatagrams(path, {
    exporter: parseExporter('192.0.2.1')!,
    onDatagram: (payload, exporter, port, ms) =>
      datagrams.push({ payload: [...payload], exporter: exporter.text, port, ms }),
  })
  return { ...facts, datagrams }
}

async function failure(content: Uint8Array): Promise<IngestError> {
  return await read(content).then(
    () => Promise.reject(new Error('it was read')),
    (error: IngestError) => error,
  )
}

const PAYLOAD = bytes(1, 2, 3, 4, 5)
const at = (packet: Uint8Array): Captured[] => [{ seconds: 1_700_000_000, fraction: 999_999, packet }]
const only = (payload: Uint8Array, exporter = '192.0.2.9', ms = 1_700_000_000_999) => [
  { payload: [...payload], exporter, port: PORT, ms },
]

describe('a classic pcap file', () => {
  for (const littleEndian of [true, false]) {
    for (const nanoseconds of [true, false]) {
      it(`is read with ${littleEndian ? 'little' : 'big'}-endian ${nanoseconds ? 'nano' : 'micro'}seconds`, async () => {
        const fraction = nanoseconds ? 999_999_999 : 999_999
        const packets = [{ seconds: 1_700_000_000, fraction, packet: ethernet(ipv4(udp(PAYLOAD))) }]
        const { datagrams, kind } = await read(pcap(packets, { littleEndian, nanoseconds }))
        expect(kind).toBe('pcap')
        expect(datagrams).toEqual(only(PAYLOAD))
      })
    }
  }

  it('without packets has no datagrams and is no error', async () => {
    expect((await read(pcap([]))).datagrams).toEqual([])
  })

  it('larger than the window of memory is read whole', async () => {
    const payload = new Uint8Array(60_000).fill(7)
    const packets = Array.from({ length: 60 }, () => at(ethernet(ipv4(udp(payload))))[0]!)
    const { datagrams } = await read(pcap(packets))
    expect(datagrams.length).toBe(60)
    expect(datagrams.every((datagram) => datagram.payload.length === 60_000)).toBe(true)
  })

  it('that ends inside a packet is refused, wherever it is cut', async () => {
    const whole = pcap(at(ethernet(ipv4(udp(PAYLOAD)))))
    for (let length = 5; length < whole.length; length++) {
      if (length === 24) continue // a capture that ends before its first packet is whole
      const error = await failure(whole.subarray(0, length))
      expect([length, error.code]).toEqual([length, 'truncated'])
      expect(error.message).toMatch(/^import: \S+file-\d+ expected .*, got the end of the file at \d+$/)
    }
  })

  it('with a packet length beyond reason is refused', async () => {
    const file = pcap(at(PAYLOAD))
    file[34] = 255
    expect((await failure(file)).code).toBe('truncated')
  })

  it('of a link type nobody can look into is refused by its number', async () => {
    const error = await failure(pcap(at(ethernet(ipv4(udp(PAYLOAD)))), { linkType: 147 }))
    expect(error.code).toBe('unrecognised')
    expect(error.message).toContain('link type 147')
  })
})

describe('link and network headers', () => {
  const datagram = udp(PAYLOAD)
  const cases: readonly [string, number, Uint8Array, string?][] = [
    ['Ethernet with one VLAN tag', 1, ethernet(ipv4(datagram), 0x0800, [0x8100])],
    ['Ethernet with QinQ tags', 1, ethernet(ipv4(datagram), 0x0800, [0x88a8, 0x8100])],
    ['Ethernet with three tags of older values', 1, ethernet(ipv4(datagram), 0x0800, [0x9200, 0x9100, 0x8100])],
    ['Ethernet with IPv6', 1, ethernet(ipv6(datagram)), '2001:db8::9'],
    ['Ethernet with padding after the packet', 1, bytes(ethernet(ipv4(datagram)), new Uint8Array(13))],
    ['IPv4 with options', 1, ethernet(ipv4(datagram, { options: 8 }))],
    [
      'Ethernet with a tag and two MPLS labels',
      1,
      ethernet(bytes([0, 1, 0, 64, 0, 2, 1, 64], ipv4(datagram)), 0x8847, [0x8100]),
    ],
    ['Ethernet with PPPoE', 1, ethernet(bytes([0x11, 0, 0, 7, 0, 0, 0, 0x57], ipv6(datagram)), 0x8864), '2001:db8::9'],
    ['Linux SLL', 113, bytes(new Uint8Array(14), u16(0x0800), ipv4(datagram))],
    [
      'Linux SLL with a VLAN tag',
      113,
      bytes(new Uint8Array(14), u16(0x8100), u16(5), u16(0x86dd), ipv6(datagram)),
      '2001:db8::9',
    ],
    ['Linux SLL2', 276, bytes(u16(0x86dd), new Uint8Array(18), ipv6(datagram)), '2001:db8::9'],
    ['Linux SLL2 with a VLAN tag', 276, bytes(u16(0x8100), new Uint8Array(18), u16(5), u16(0x0800), ipv4(datagram))],
    ['raw IPv4', 101, ipv4(datagram)],
    ['raw IPv6', 101, ipv6(datagram), '2001:db8::9'],
    ['raw IPv4 of link type 228', 228, ipv4(datagram)],
    ['raw IPv6 of link type 229', 229, ipv6(datagram), '2001:db8::9'],
    ['BSD loopback', 0, bytes([2, 0, 0, 0], ipv4(datagram))],
    [
      'IPv6 with hop-by-hop and destination options',
      101,
      ipv6(bytes([60, 0], new Uint8Array(6), [17, 1], new Uint8Array(14), datagram), 0),
      '2001:db8::9',
    ],
    ['IPv6 with an authentication header', 101, ipv6(bytes([17, 4], new Uint8Array(22), datagram), 51), '2001:db8::9'],
    ['IPv6 with an atomic fragment header', 101, ipv6(bytes([17, 0, 0, 0, 0, 0, 0, 1], datagram), 44), '2001:db8::9'],
  ]
  for (const [name, linkType, packet, exporter] of cases) {
    it(`finds the datagram in ${name}`, async () => {
      expect((await read(pcap(at(packet), { linkType }))).datagrams).toEqual(only(PAYLOAD, exporter))
    })
  }

  it('skips and counts what is not UDP over IP', async () => {
    const packets = [
      ethernet(ipv4(datagram, { proto: 6 })),
      ethernet(bytes(0, 1), 0x0806),
      bytes(1, 2),
      ethernet(ipv4(bytes(1, 2))),
    ]
    const { datagrams, skippedPackets } = await read(pcap(packets.flatMap(at)))
    expect(datagrams).toEqual([])
    expect(skippedPackets).toBe(4)
  })

  it('takes the UDP length when the packet is longer', async () => {
    const packet = ethernet(ipv4(bytes(udp(PAYLOAD), 9, 9, 9)))
    expect((await read(pcap(at(packet)))).datagrams).toEqual(only(PAYLOAD))
  })

  it('hands on what there is of a packet that the capture cut short', async () => {
    const packet = ethernet(ipv4(udp(PAYLOAD)))
    expect((await read(pcap(at(packet.subarray(0, packet.length - 2))))).datagrams).toEqual(
      only(PAYLOAD.subarray(0, 3)),
    )
  })

  it('never throws on arbitrary bytes, of any link type', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 1, 12, 101, 108, 113, 228, 229, 276),
        fc.array(fc.uint8Array({ maxLength: 90 }), { minLength: 1, maxLength: 20 }),
        async (linkType, packets) => {
          const { datagrams, skippedPackets } = await read(pcap(packets.flatMap(at), { linkType }))
          expect(datagrams.length + skippedPackets).toBeLessThanOrEqual(packets.length)
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('fragmented datagrams', () => {
  const payload = Uint8Array.from({ length: 50 }, (_, i) => i)
  const whole = udp(payload)
  const part = (from: number, to: number, more: boolean, id = 7): Uint8Array =>
    ethernet(ipv4(whole.subarray(from, to), { id, fragment: (more ? 0x2000 : 0) | (from / 8) }))
  const part6 = (from: number, to: number, more: boolean): Uint8Array =>
    ethernet(ipv6(bytes([17, 0], u16(from | (more ? 1 : 0)), u32(99), whole.subarray(from, to)), 44))

  it('of IPv4 are put together in whatever order their parts come', async () => {
    const parts = [part(24, 48, true), part(48, 58, false), part(0, 24, true)]
    expect((await read(pcap(parts.flatMap(at)))).datagrams).toEqual(only(payload))
  })

  it('of IPv6 are put together', async () => {
    const { datagrams } = await read(pcap([part6(0, 24, true), part6(24, 58, false)].flatMap(at)))
    expect(datagrams).toEqual(only(payload, '2001:db8::9'))
  })

  it('of one sender are told apart by their identification', async () => {
    const parts = [part(0, 24, true, 1), part(0, 24, true, 2), part(24, 58, false, 2), part(24, 58, false, 1)]
    expect((await read(pcap(parts.flatMap(at)))).datagrams.length).toBe(2)
  })

  it('are counted when a part is missing', async () => {
    const { datagrams, abandonedFragments } = await read(pcap([part(0, 24, true), part(48, 58, false)].flatMap(at)))
    expect(datagrams).toEqual([])
    expect(abandonedFragments).toBe(1)
  })

  it('whose parts overlap are given up', async () => {
    const { datagrams, abandonedFragments } = await read(pcap([part(0, 24, true), part(16, 58, false)].flatMap(at)))
    expect(datagrams).toEqual([])
    expect(abandonedFragments).toBe(1)
  })

  it('stay within a budget: the oldest is given up', async () => {
    const parts = Array.from({ length: 300 }, (_, id) => part(0, 24, true, id))
    const { datagrams, abandonedFragments } = await read(pcap([...parts, part(24, 58, false, 299)].flatMap(at)))
    expect(datagrams.length).toBe(1)
    expect(abandonedFragments).toBe(299)
  })
})

describe('a pcapng file', () => {
  const packet = ethernet(ipv4(udp(PAYLOAD)))

  for (const littleEndian of [true, false]) {
    it(`is read with ${littleEndian ? 'little' : 'big'}-endian blocks`, async () => {
      const file = bytes(
        sectionHeader(littleEndian),
        interfaceDescription(littleEndian),
        block(0x0bad, bytes(1, 2, 3), littleEndian),
        enhancedPacket(littleEndian, 1_700_000_000_999_999n, packet),
      )
      const { datagrams, kind } = await read(file)
      expect(kind).toBe('pcapng')
      expect(datagrams).toEqual(only(PAYLOAD))
    })
  }

  const resolutions: readonly [string, number, bigint][] = [
    ['seconds', 0, 1_700_000_000n],
    ['milliseconds', 3, 1_700_000_000_999n],
    ['nanoseconds', 9, 1_700_000_000_999_999_999n],
    ['picoseconds', 12, 1_700_000_000_999_999_999_999n / 1000n],
    ['2^-20 seconds', 0x94, (1_700_000_000n << 20n) + 1_048_575n],
  ]
  for (const [name, resolution, ticks] of resolutions) {
    it(`is read with a clock of ${name}`, async () => {
      const file = bytes(
        sectionHeader(true),
        interfaceDescription(true, 1, [[9, bytes(resolution)]]),
        enhancedPacket(true, ticks, packet),
      )
      const exact =
        resolution === 0 ? 1_700_000_000_000 : resolution === 12 ? Number(ticks / 1_000_000_000n) : 1_700_000_000_999
      expect((await read(file)).datagrams[0]?.ms).toBe(exact)
    })
  }

  it('adds the time offset of the interface', async () => {
    const offset = bytes(u32(3600).reverse(), u32(0))
    const file = bytes(
      sectionHeader(true),
      interfaceDescription(true, 1, [[14, offset]]),
      enhancedPacket(true, 5_000_000n, packet),
    )
    expect((await read(file)).datagrams[0]?.ms).toBe(3_605_000)
  })

  it('may hold sections of both byte orders, each with interfaces of its own', async () => {
    const file = bytes(
      sectionHeader(true),
      interfaceDescription(true, 101),
      interfaceDescription(true, 1),
      enhancedPacket(true, 1_000_000n, packet, 1),
      enhancedPacket(true, 2_000_000n, ipv4(udp(PAYLOAD)), 0),
      sectionHeader(false),
      interfaceDescription(false, 1),
      enhancedPacket(false, 3_000_000n, packet),
    )
    expect((await read(file)).datagrams.map(({ ms }) => ms)).toEqual([1000, 2000, 3000])
  })

  it('gives a simple packet the time of the packet before it', async () => {
    const simple = block(3, bytes(endian(true)(packet.length), packet), true)
    const file = bytes(
      sectionHeader(true),
      interfaceDescription(true),
      enhancedPacket(true, 4_000_000n, packet),
      simple,
    )
    expect((await read(file)).datagrams.map(({ ms }) => ms)).toEqual([4000, 4000])
  })

  it('that ends inside a block is refused', async () => {
    const file = bytes(sectionHeader(true), interfaceDescription(true), enhancedPacket(true, 1n, packet))
    for (const length of [6, 20, file.length - 1])
      expect((await failure(file.subarray(0, length))).code).toBe('truncated')
  })

  it('whose packet names an interface it never described is refused', async () => {
    const error = await failure(bytes(sectionHeader(true), enhancedPacket(true, 1n, packet, 3)))
    expect(error.message).toMatch(/expected a packet of a described interface at offset 28, got interface 3$/)
  })
})

describe('a file of IPFIX messages', () => {
  const message = (length: number, seconds = 100): Uint8Array =>
    bytes(u16(10), u16(length), u32(seconds), u32(0), u32(1), new Uint8Array(Math.max(0, length - 16)))

  it('is one datagram per message, without an arrival time', async () => {
    const { datagrams, kind, trailingBytes } = await read(bytes(message(16), message(40)))
    expect(kind).toBe('messages')
    expect(trailingBytes).toBe(0)
    expect(datagrams.map(({ payload, exporter, port, ms }) => [payload.length, exporter, port, ms])).toEqual([
      [16, '192.0.2.1', 2055, undefined],
      [40, '192.0.2.1', 2055, undefined],
    ])
  })

  it('comes from port 0 when it is larger than a datagram can be', async () => {
    const { datagrams } = await read(bytes(message(60_000), message(60_000)))
    expect(datagrams.map(({ port }) => port)).toEqual([0, 0])
  })

  it('leaves bytes after its last whole message alone and counts them', async () => {
    for (const rest of [
      message(40).subarray(0, 39),
      bytes(0, 10, 0),
      bytes(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
    ]) {
      const { datagrams, trailingBytes } = await read(bytes(message(16), rest))
      expect([datagrams.length, trailingBytes]).toEqual([1, rest.length])
    }
  })

  it('without one whole message is refused as truncated', async () => {
    for (const file of [message(40).subarray(0, 39), bytes(0, 10), bytes(0, 10, 0, 40)])
      expect((await failure(file)).code).toBe('truncated')
  })

  it('whose first message has an impossible length is one datagram, for the decoder to refuse', async () => {
    const { datagrams } = await read(bytes(message(16)).fill(3, 3, 4))
    expect(datagrams.length).toBe(1)
  })
})

describe('a file of one payload', () => {
  for (const [name, first] of [
    ['NetFlow v5', [0, 5, 0, 1]],
    ['NetFlow v9', [0, 9, 0, 1]],
    ['sFlow v5', [0, 0, 0, 5]],
  ] as const) {
    it(`of ${name} is told by its first bytes`, async () => {
      const { datagrams, kind } = await read(bytes(first, new Uint8Array(60)))
      expect(kind).toBe('datagram')
      expect(datagrams.map(({ payload, port }) => [payload.length, port])).toEqual([[64, 2055]])
    })
  }

  it('is not larger than a datagram can be', async () => {
    expect((await failure(bytes([0, 9], new Uint8Array(70_000)))).code).toBe('unrecognised')
  })
})

describe('a file that is none of these', () => {
  it('is refused: text, one byte, no bytes, a folder, nothing', async () => {
    expect((await failure(new TextEncoder().encode('hello, world\n'))).code).toBe('unrecognised')
    expect((await failure(bytes(0))).code).toBe('unrecognised')
    expect((await failure(bytes())).code).toBe('empty')
    const options = { exporter: parseExporter('192.0.2.1')!, onDatagram: () => undefined }
    await expect(readDatagrams(folder, options)).rejects.toMatchObject({ code: 'unreadable' })
    await expect(readDatagrams(join(folder, 'none'), options)).rejects.toThrow(
      /none expected a readable file, got ENOENT$/,
    )
  })

  it('never makes the reader fail other than by a named error', async () => {
    const starts = [[0xa1, 0xb2, 0xc3, 0xd4], [0x0a, 0x0d, 0x0d, 0x0a], [0, 10], []]
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...starts),
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        async (start, rest) => {
          await read(bytes(start, rest)).catch((error: Error) => expect(error.name).toBe('IngestError'))
        },
      ),
      { numRuns: 200 },
    )
  })
})
