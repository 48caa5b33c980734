import { describe, expect, it } from 'vitest'
import { coverageLines } from '../../src/report/coverage.ts'

const whole = {
  flows: 1_000_000,
  lost: { flows: 0, datagrams: 0, records: 0 },
  undecodable: 0,
  malformed: 0,
  corrupt: 0,
  quarantined: 0,
  samplingUnknown: 0,
}

describe('coverageLines', () => {
  it('says so when nothing is known to be missing', () => {
    expect(coverageLines(whole)).toEqual(['coverage: 1,000,000 flows, nothing known to be missing'])
  })

  it('names everything that is missing, and the share of the flows that is there', () => {
    expect(
      coverageLines({
        ...whole,
        lost: { flows: 600, datagrams: 1, records: 400 },
        undecodable: 2,
        malformed: 3,
        corrupt: 4,
        quarantined: 5,
      }),
    ).toEqual([
      'coverage: 1,000,000 flows (99.9 % of the flows sent); missing: 600 flows lost (v5), 400 records lost (IPFIX), ' +
        '1 datagram lost (v9, sFlow), 2 data sets without a template, 3 datagrams malformed, 4 flows in corrupt chunks, 5 flows quarantined',
    ])
  })

  it('says how many flows have an unknown sampling rate', () => {
    expect(coverageLines({ ...whole, samplingUnknown: 250_000 })[1]).toBe(
      'sampling: unknown for 250,000 flows (25.0 %), counted as unsampled',
    )
  })
})
