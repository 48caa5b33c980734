import { describe, expect, it } from 'vitest'
import { Sequence } from '../../../src/ingest/ledger/sequence.ts'
import { SflowStream } from '../../../src/ingest/ledger/sflow-stream.ts'
import { fc } from '../../kit/fast-check.ts'

/** Takes messages `[number, units]` in order. */
function take(...messages: readonly (readonly [number, number])[]) {
  const sequence = new Sequence()
  for (const [number, units] of messages) sequence.take(number, units, number === 0)
  const { received, restarts, outOfOrder } = sequence.state
  return { lost: sequence.lost, received, restarts, outOfOrder }
}

describe('a sequence', () => {
  it('counts what lies between the messages', () => {
    expect(take([5, 3], [8, 2], [15, 1])).toEqual({ lost: 5, received: 6, restarts: 0, outOfOrder: 0 })
  })

  it('takes back a loss when the message arrives late', () => {
    expect(take([5, 3], [10, 1], [8, 2])).toEqual({ lost: 0, received: 6, restarts: 0, outOfOrder: 1 })
    expect(take([5, 3], [4, 1])).toEqual({ lost: 0, received: 4, restarts: 0, outOfOrder: 1 })
    expect(take([1, 1], [0xffffffff, 2])).toMatchObject({ lost: 0, outOfOrder: 1 })
  })

  it('goes on across 2^32', () => {
    expect(take([0xfffffffe, 2], [0, 3], [5, 1])).toEqual({ lost: 2, received: 6, restarts: 0, outOfOrder: 0 })
    expect(take([0xfffffff0, 4], [10, 1])).toMatchObject({ lost: 22, restarts: 0 })
  })

  it('restarts after a step back of more than 1000, or to 0', () => {
    expect(take([5000, 10], [4010, 1])).toMatchObject({ restarts: 0, outOfOrder: 1, lost: 989 })
    expect(take([5000, 10], [4009, 1])).toEqual({ restarts: 1, outOfOrder: 0, lost: 0, received: 11 })
    expect(take([50, 10], [0, 1], [3, 1])).toEqual({ restarts: 1, outOfOrder: 0, lost: 2, received: 12 })
    expect(take([0, 1], [0, 1])).toMatchObject({ restarts: 1 })
  })

  it('adds units found later, to an earlier epoch too', () => {
    const sequence = new Sequence()
    const at = sequence.take(10, 0, false)
    sequence.take(15, 1, false)
    expect(sequence.lost).toBe(5)
    sequence.add(at, 0, 5, 5)
    expect(sequence.lost).toBe(0)
    const other = new Sequence()
    const early = other.take(10_000, 0, false)
    other.take(10_005, 1, false)
    other.take(1, 1, false)
    other.add(early, 0, 5, 5)
    expect([other.lost, other.state.restarts, other.state.received]).toEqual([0, 1, 7])
  })

  it('loses exactly the messages taken out, whatever the order within 1000 units', () => {
    const run = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.boolean(), fc.integer({ min: 0, max: 3 })), {
      minLength: 3,
      maxLength: 60,
    })
    fc.assert(
      fc.property(run, fc.integer({ min: 1, max: 0xffffffff }), (messages, start) => {
        let number = start
        let lost = 0
        const sent = messages.map(([units, dropped, delay], i) => {
          const kept = !dropped || i === 0 || i === messages.length - 1
          const message = { number, units, kept, order: i + delay }
          number = (number + units) >>> 0
          if (!kept) lost += units
          return message
        })
        const sequence = new Sequence()
        for (const message of sent.filter(({ kept }) => kept).sort((a, b) => a.order - b.order)) {
          // A late 0 is a restart by the rule; the property is about the others.
          sequence.take(message.number, message.units, false)
        }
        expect(sequence.lost).toBe(lost)
        expect(sequence.state.restarts).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})

describe('an sFlow stream', () => {
  const stream = (...numbers: readonly number[]) => {
    const all = new SflowStream()
    for (const number of numbers) all.take(number)
    const { lost, streams, outOfOrder, received } = all
    return { lost, streams, outOfOrder, received }
  }

  it('counts gaps, reordering and repeats by distinct numbers', () => {
    expect(stream(1, 2, 5, 4, 4)).toEqual({ lost: 1, streams: 1, outOfOrder: 2, received: 5 })
    expect(stream(10, 8)).toEqual({ lost: 1, streams: 1, outOfOrder: 1, received: 2 })
  })

  it('goes on across 2^32', () => {
    expect(stream(0xfffffffe, 1, 0xffffffff)).toEqual({ lost: 1, streams: 1, outOfOrder: 1, received: 3 })
  })

  it('tells several engines under one key apart', () => {
    expect(stream(100, 900_000, 101, 900_001, 103, 900_004)).toMatchObject({ lost: 3, streams: 2, outOfOrder: 0 })
    expect(stream(100, 1101)).toMatchObject({ streams: 2 })
    expect(stream(100, 1100)).toMatchObject({ streams: 1, lost: 999 })
  })

  it('keeps the loss of streams it no longer follows', () => {
    const numbers = Array.from({ length: 30 }, (_, i) => [i * 10_000, i * 10_000 + 2]).flat()
    expect(stream(...numbers)).toMatchObject({ lost: 30, streams: 30 })
  })

  it('loses exactly the distinct numbers missing within its reach, also when it goes on from its state', () => {
    const steps = fc.array(fc.integer({ min: -40, max: 60 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 0xffffffff }), (list, start) => {
        let all = new SflowStream()
        const seen = new Set<number>()
        let number = start + 0x1_0000_0000
        for (const step of list) {
          number += step
          seen.add(number)
          all.take(number % 0x1_0000_0000)
          if (all.received % 7 === 0) all = new SflowStream(JSON.parse(JSON.stringify(all.state())))
        }
        const numbers = [...seen]
        fc.pre(numbers.every((a) => Math.max(...numbers) - a < 1000))
        expect(all.lost).toBe(Math.max(...numbers) - Math.min(...numbers) + 1 - numbers.length)
      }),
      { numRuns: 200 },
    )
  })
})
