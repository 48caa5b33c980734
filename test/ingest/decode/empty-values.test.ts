import { describe, expect, it } from 'vitest'
import { Bench, ip, ipfix, set, template, u, variable } from './wire.ts'

const VARIABLE = 65_535

/** The rows of records that a template of these fields is followed by. */
function rowsOf(fields: readonly (readonly [number, number])[], ...records: readonly number[][]) {
  const bench = new Bench()
  bench.send(ipfix([set(2, template(256, ...fields)), set(256, ...records)]))
  return bench.rows
}

describe('values of no octets', () => {
  it('leave the field to the next element of the same number, however many are empty', () => {
    const fields = [...Array.from({ length: 40 }, () => [8, VARIABLE] as const), [8, 4] as const]
    const empty = Array.from({ length: 40 }, () => variable()).flat()
    const rows = rowsOf(
      fields,
      [...empty, ...ip('192.0.2.1')],
      [...empty.slice(1), ...variable(...ip('192.0.2.2')), ...ip('192.0.2.3')],
    )
    expect(rows.map(({ srcAddr }) => srcAddr)).toEqual(['192.0.2.1', '192.0.2.2'])
  })

  it('leave the field to the other elements that may fill it, in their order', () => {
    const fields = [1, 85, 23].map((id) => [id, VARIABLE] as const)
    const rows = rowsOf(
      [...fields, [171, 4], [8, 4]],
      [...variable(), ...variable(), ...variable(), ...u(32, 7), ...ip('192.0.2.1')],
      [...variable(), ...variable(), ...variable(5), ...u(32, 7), ...ip('192.0.2.1')],
      [...variable(), ...variable(3, 1), ...variable(5), ...u(32, 7), ...ip('192.0.2.1')],
    )
    expect(rows.map(({ bytes }) => bytes)).toEqual([7, 5, 769])
  })

  it('are told apart in every combination', () => {
    const ids = [1, 2, 7, 11, 4, 5, 6, 61]
    const names = ['bytes', 'packets', 'srcPort', 'dstPort', 'proto', 'tos', 'tcpFlags', 'direction']
    const combinations = Array.from({ length: 256 }, (_, bits) => ids.map((_, i) => ((bits >> i) & 1) === 1))
    const records = combinations.map((given) => given.flatMap((is) => (is ? variable(9) : variable())))
    const rows = rowsOf(
      ids.map((id) => [id, VARIABLE]),
      ...records,
      ...records,
    )
    expect(rows).toHaveLength(512)
    for (const [i, row] of rows.entries()) {
      const given = combinations[i % 256]!
      const expected = Object.fromEntries(names.map((name, k) => [name, given[k] ? 9 : name === 'direction' ? 255 : 0]))
      expect(row).toMatchObject(expected)
    }
  })
})
