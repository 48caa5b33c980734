import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { formatAddressBytes, parseAddress } from '../../../src/flow/address.ts'
import { allowList } from '../../../src/ingest/daemon/allow.ts'
import { CHUNK_BYTES, ChunkReader, ChunkWriter, frameLength } from '../../../src/ingest/daemon/chunk.ts'
import { ChunkPool } from '../../../src/ingest/daemon/chunk-pool.ts'
import { LOG_START, LogReader, LogWriter, logFiles, trimLog } from '../../../src/ingest/daemon/log.ts'
import { fc } from '../../kit/fast-check.ts'
import { START_MS } from './session.ts'

const root = mkdtempSync(join(tmpdir(), 'flowreduce-parts-'))
afterAll(() => rmSync(root, { recursive: true }))

const address = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))

describe('a chunk', () => {
  const datagram = fc.record({
    payload: fc.uint8Array({ maxLength: 300 }),
    address: address.filter((bytes) => bytes.length === 4 || bytes[0] !== 0),
    port: fc.integer({ min: 0, max: 65_535 }),
    ms: fc.integer({ min: 0, max: 4e12 }),
  })

  it('gives back the datagrams put into it', () => {
    fc.assert(
      fc.property(fc.array(datagram, { maxLength: 30 }), (datagrams) => {
        const chunk = new ChunkWriter()
        for (const { payload, address, port, ms } of datagrams) chunk.add(payload, address, port, 0, ms)
        const frame = chunk.frame()
        expect(frameLength(frame)).toBe(frame.length - 8)
        const read: unknown[] = []
        const count = new ChunkReader().read(frame.subarray(8), (payload, exporter, port, ms) => {
          read.push([payload.slice(), exporter.text, port, ms])
        })
        expect(count).toBe(datagrams.length)
        expect(read).toEqual(datagrams.map((d) => [d.payload, formatAddressBytes(d.address), d.port, d.ms]))
      }),
      { numRuns: 200 },
    )
  })

  it('of an earlier version, without padding, is read too', () => {
    const datagram = (text: string): Buffer => {
      const header = Buffer.alloc(32)
      header.writeUInt32BE(text.length, 0)
      header.writeUInt16BE(2055, 4)
      header.writeUInt8(4, 6)
      header.writeDoubleBE(START_MS, 8)
      Buffer.from([192, 0, 2, 1]).copy(header, 16)
      return Buffer.concat([header, Buffer.from(text)])
    }
    const read: unknown[] = []
    const bytes = Buffer.concat(['one', 'three', ''].map(datagram))
    const count = new ChunkReader().read(bytes, (payload, exporter, port, ms) => {
      read.push([Buffer.from(payload).toString(), exporter.text, port, ms])
    })
    expect(count).toBe(3)
    expect(read).toEqual(['one', 'three', ''].map((text) => [text, '192.0.2.1', 2055, START_MS]))
  })

  it('cut anywhere, or of any bytes, is read up to the damage and never beyond', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        new ChunkReader().read(bytes, (payload) => {
          expect(payload.byteOffset + payload.length).toBeLessThanOrEqual(bytes.byteOffset + bytes.length)
        })
      }),
    )
  })

  it('has room for any datagram when it is empty', () => {
    expect(new ChunkWriter().hasRoom(65_535)).toBe(true)
    expect(CHUNK_BYTES % 4096).toBe(0)
  })
})

describe('a pool of chunks', () => {
  it('gives the lowest free chunk, none when all are taken, and what another thread gave back', () => {
    const pool = ChunkPool.create(3)
    const other = new ChunkPool(pool.shared)
    expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([0, 1, 2, undefined])
    other.free(2)
    other.free(1)
    expect([pool.take(), pool.take(), pool.take()]).toEqual([1, 2, undefined])
  })

  it('shows every thread what was written into a chunk, and keeps chunks apart', () => {
    const pool = ChunkPool.create(2)
    for (const chunk of [0, 1]) pool.writer(chunk).add(Buffer.from(`chunk ${chunk}`), new Uint8Array(4), 1, 0, 0)
    const seen = [0, 1].map((chunk) => Buffer.from(new ChunkPool(pool.shared).bytes(chunk, 47).slice(40)).toString())
    expect(seen).toEqual(['chunk 0', 'chunk 1'])
  })
})

describe('the log', () => {
  const chunkOf = (text: string): ChunkWriter => {
    const chunk = new ChunkWriter()
    chunk.add(Buffer.from(text), Uint8Array.from([192, 0, 2, 1]), 1, 0, 0)
    return chunk
  }
  const textIn = (chunk: Uint8Array): string => {
    let text = ''
    new ChunkReader().read(chunk, (payload) => {
      text += Buffer.from(payload).toString()
    })
    return text
  }
  const texts = (reader: Iterable<{ bytes: Uint8Array }>): string[] => {
    const found: string[] = []
    for (const { bytes } of reader) found.push(textIn(bytes))
    return found
  }

  it('gives back chunks from any position, across files, and single ones', async () => {
    const folder = mkdtempSync(join(root, 'log-'))
    const positions = []
    for (const part of ['a', 'b']) {
      const writer = new LogWriter(folder)
      for (const number of [1, 2, 3]) positions.push(await writer.append(chunkOf(`${part}${number}`).frame()))
      await writer.close()
    }
    const reader = new LogReader(folder)
    expect(texts(reader.chunks(LOG_START, 99))).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b3'])
    expect(texts(reader.chunks(positions[1]!, 99))).toEqual(['a3', 'b1', 'b2', 'b3'])
    expect(texts(reader.chunks(positions[2]!, 99))).toEqual(['b1', 'b2', 'b3'])
    expect(texts(reader.chunks(LOG_START, 2))).toEqual(['a1', 'a2', 'a3'])
    const frameBytes = chunkOf('b2').frame().length
    expect(textIn(reader.chunkBefore(positions[4]!, frameBytes))).toBe('b2')
    reader.close()
    trimLog(folder, positions[3]!)
    expect(logFiles(folder)).toEqual([2])
  })
})

describe('an allow list', () => {
  it('takes addresses inside its networks, of both families, and everybody when it is empty', () => {
    const allowed = allowList(['10.0.0.0/8', '192.0.2.7', '2001:db8::/33'])
    const cases: readonly (readonly [string, boolean])[] = [
      ['10.255.0.1', true],
      ['11.0.0.1', false],
      ['192.0.2.7', true],
      ['192.0.2.6', false],
      ['2001:db8:7fff::1', true],
      ['2001:db8:8000::1', false],
      ['::ffff:10.0.0.1', true],
    ]
    for (const [text, expected] of cases) expect([text, allowed(parseAddress(text))]).toEqual([text, expected])
    expect(allowList([])(parseAddress('203.0.113.1'))).toBe(true)
    expect(allowList(['0.0.0.0/0'])(parseAddress('2001:db8::1'))).toBe(false)
  })

  it('agrees with a comparison bit by bit', () => {
    const bits = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
    fc.assert(
      fc.property(address, address, fc.nat({ max: 128 }), (network, other, length) => {
        const masked = network.map((byte, i) => byte & (0xff << Math.max(0, Math.min(8, 8 - (length - i * 8)))) & 0xff)
        fc.pre(length <= network.length * 8)
        const allowed = allowList([`${formatAddressBytes(masked)}/${length}`])(other)
        const equal = network.length === other.length && bits(other).startsWith(bits(masked).slice(0, length))
        expect(allowed).toBe(equal)
      }),
      { numRuns: 300 },
    )
  })
})
