import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fieldsPage } from '../../scripts/fields-page.ts'
import { FLOW_FIELDS, FLOW_FLAGS } from '../../src/flow/fields.ts'

describe('the field table', () => {
  it('gives docs/fields.md as it stands (npm run docs writes it)', () => {
    expect(readFileSync(new URL('../../docs/fields.md', import.meta.url), 'utf8')).toBe(fieldsPage())
  })

  it('numbers fields and flags without gaps', () => {
    expect(FLOW_FIELDS.map(({ id }) => id)).toEqual(FLOW_FIELDS.map((_, i) => i + 1))
    expect(Object.values(FLOW_FLAGS)).toEqual(Object.values(FLOW_FLAGS).map((_, bit) => 1 << bit))
  })

  it('keeps the ids, names and types that blocks have been written with', () => {
    expect(FLOW_FIELDS.map(({ id, name, type }) => `${id} ${name} ${type}`)).toEqual([
      '1 start instant',
      '2 end instant',
      '3 received instant',
      '4 exporter address',
      '5 domain u32',
      '6 srcAddr address',
      '7 dstAddr address',
      '8 nextHop address',
      '9 srcPort u16',
      '10 dstPort u16',
      '11 proto u8',
      '12 tcpFlags u16',
      '13 tos u8',
      '14 bytes u53',
      '15 packets u53',
      '16 sampleSize u53',
      '17 samplePopulation u53',
      '18 inputIf u32',
      '19 outputIf u32',
      '20 srcAs u32',
      '21 dstAs u32',
      '22 srcMask u8',
      '23 dstMask u8',
      '24 vlan u16',
      '25 direction u8',
      '26 flags u32',
    ])
  })
})
