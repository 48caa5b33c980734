import { describe, expect, it } from 'vitest'
import { Ledger } from '../../../src/ingest/ledger/ledger.ts'
import { hashBytes, RecentDatagrams } from '../../../src/ingest/ledger/recent.ts'
import type { Session } from '../../../src/ingest/ledger/session.ts'

const MINUTE = 60_000

function open(version: number): {
  ledger: Ledger
  session: Session
  send: (number: number, units: number, minute?: number) => void
} {
  const ledger = new Ledger({ sessions: 10, sessionsPerExporter: 10 })
  const session = ledger.session('192.0.2.1', 2055, version, 7)
  const send = (number: number, units: number, minute = 0) =>
    ledger.message(session, number, units, true, minute * MINUTE)
  return { ledger, session, send }
}

const numbering = ({ ledger }: { ledger: Ledger }) => ledger.sessions()[0]?.numbering

describe('the ledger', () => {
  it('tells what was received and lost per minute, and only what is new', () => {
    const { ledger, send } = open(10)
    send(0, 5)
    send(5, 5)
    expect(ledger.drain()).toEqual([
      {
        ...{ exporter: '192.0.2.1', sourcePort: 2055, version: 10, domain: 7, unit: 'records', interval: 0 },
        ...{
          received: 10,
          lost: 0,
          duplicates: 0,
          restarts: 0,
          undecodable: 0,
          malformed: 0,
          dropped: 0,
          quarantined: 0,
        },
      },
    ])
    send(20, 5, 1)
    send(10, 5, 2)
    expect(ledger.drain()).toMatchObject([
      { interval: MINUTE, received: 5, lost: 10 },
      { interval: 2 * MINUTE, received: 5, lost: -5 },
    ])
    expect(ledger.drain()).toEqual([])
  })

  it('counts v5 in flows, v9 in datagrams, IPFIX in records', () => {
    for (const [version, unit, lost] of [
      [5, 'flows', 5],
      [9, 'datagrams', 9],
      [10, 'records', 5],
    ] as const) {
      const { ledger, send } = open(version)
      send(0, 5)
      send(10, 5)
      expect(ledger.drain()).toMatchObject([{ unit, received: version === 9 ? 2 : 10, lost }])
    }
  })

  it('counts exact duplicates apart from what was received', () => {
    const { ledger, session, send } = open(5)
    send(0, 5)
    ledger.duplicate(session, 0, 5, 0)
    send(5, 5)
    expect(ledger.drain()).toMatchObject([{ received: 10, lost: 0, duplicates: 1 }])
    expect(ledger.sessions()).toMatchObject([{ received: 10, lostObserved: 0, lost: -5, duplicates: 1, datagrams: 3 }])
  })

  it('counts restarts', () => {
    const { ledger, send } = open(5)
    send(100, 5)
    send(0, 5)
    expect(ledger.drain()).toMatchObject([{ restarts: 1, lost: 0, received: 10 }])
  })
})

describe('an exporter that numbers otherwise', () => {
  it('by messages is named, and its loss told in datagrams beside the records received', () => {
    const { ledger, send } = open(10)
    for (const [i, number] of [100, 101, 102].entries()) send(number, 10, i)
    expect(ledger.sessions()[0]).toMatchObject({ lost: -18 })
    expect(ledger.sessions()[0]?.numbering).toBeUndefined()
    expect(ledger.drain().every(({ lost }) => lost === 0)).toBe(true)
    send(103, 10, 3)
    send(105, 10, 3)
    expect(ledger.sessions()).toMatchObject([{ numbering: 'packets', unit: 'records', received: 50, lostObserved: 1 }])
    const entries = ledger.drain()
    expect(entries).toMatchObject([
      { unit: 'records', received: 20, lost: 0 },
      { unit: 'datagrams', received: 5, lost: 1 },
    ])
  })

  it('including the records of the message is named', () => {
    const opened = open(10)
    let number = 1000
    for (const units of [3, 1, 4, 1, 5]) {
      number += units
      opened.send(number, units)
    }
    expect(numbering(opened)).toBe('records-inclusive')
    expect(opened.ledger.sessions()).toMatchObject([{ lostObserved: 0 }])
  })

  it('in v9 by records is named', () => {
    const opened = open(9)
    let number = 1000
    for (const units of [30, 30, 30, 30, 7]) {
      opened.send(number, units)
      number += units
    }
    expect(numbering(opened)).toBe('records')
    expect(opened.ledger.drain()).toMatchObject([{ unit: 'datagrams', received: 5, lost: 0 }])
  })

  it('is not seen in one that follows the rule, with one record per message, losses and reordering', () => {
    const single = open(10)
    for (let i = 0; i < 50; i++) single.send(i + 1, 1)
    expect(numbering(single)).toBeUndefined()
    const lossy = open(10)
    for (let i = 0; i < 50; i++) if (i % 7 !== 3) lossy.send(i * 10 + 1, 10)
    lossy.send(31, 10)
    expect(numbering(lossy)).toBeUndefined()
    expect(lossy.ledger.sessions()).toMatchObject([{ lost: 60 }])
  })
})

describe('recent datagrams', () => {
  const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

  it('know an exact repeat among the last 32, and nothing else', () => {
    const recent = new RecentDatagrams()
    const bytes = (n: number) => Uint8Array.of(1, 2, 3, 4, n)
    expect(recent.repeats(7, viewOf(bytes(1)))).toBe(false)
    expect(recent.repeats(7, viewOf(bytes(1)))).toBe(true)
    expect(recent.repeats(7, viewOf(bytes(2)))).toBe(false)
    expect(recent.repeats(8, viewOf(bytes(1)))).toBe(false)
    expect(recent.repeats(7, viewOf(Uint8Array.of(1, 2, 3, 4)))).toBe(false)
    for (let i = 0; i < 32; i++) recent.repeats(100 + i, viewOf(bytes(i)))
    expect(recent.repeats(7, viewOf(bytes(1)))).toBe(false)
  })

  it('have a hash that sees every octet', () => {
    const bytes = Uint8Array.from({ length: 103 }, (_, i) => i)
    const hashes = new Set([hashBytes(viewOf(bytes))])
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice()
      changed[i] = changed[i]! ^ 0x80
      hashes.add(hashBytes(viewOf(changed)))
    }
    expect(hashes.size).toBe(bytes.length + 1)
  })
})
