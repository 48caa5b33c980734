import { describe, expect, it } from 'vitest'
import { account } from '../../src/cli/demo/account.ts'
import type { ExporterTotals } from '../../src/ingest/simulate/totals.ts'
import { exampleLedger } from '../storage/manifest/examples.ts'

const sent = (protocol: 'v5' | 'v9' | 'ipfix', flows: number): ExporterTotals => ({
  ...{ exporter: '127.0.0.2', sourcePort: 20_000, protocol, domain: 1 },
  ...{ flows, packets: 0, bytes: 0, datagrams: 0 },
})
const stored = (flows: number) => [{ exporter: '127.0.0.2', domain: 1, flows }]
const ledger = (version: number, lost: number) => [
  exampleLedger(0, { exporter: '127.0.0.2', sourcePort: 20_000, version, domain: 1, lost }),
]

describe('account', () => {
  it('finds nothing wrong when every flow is stored, or lost as the ledger says', () => {
    expect(account([sent('v5', 100)], stored(100), ledger(5, 0)).problems).toEqual([])
    expect(account([sent('v5', 100)], stored(90), ledger(5, 10))).toMatchObject({ stored: 90, lost: 10, problems: [] })
    expect(account([sent('v9', 100)], stored(70), ledger(9, 1)).problems).toEqual([])
    expect(account([sent('ipfix', 100)], stored(98), ledger(10, 3)).problems).toEqual([])
  })

  it.each([
    ['v5', 5, 95, 0],
    ['v5', 5, 90, 9],
    ['v5', 5, 101, 0],
    ['v9', 9, 99, 0],
    ['v9', 9, 40, 1],
    ['ipfix', 10, 97, 2],
  ] as const)(
    'names a %s exporter (version %i) with %i of 100 flows stored and %i units lost',
    (protocol, version, found, lost) => {
      const { problems } = account([sent(protocol, 100)], stored(found), ledger(version, lost))
      expect(problems).toEqual([
        `127.0.0.2 (${protocol}): sent 100 flows, stored ${found}, but the ledger lost ${lost}`,
      ])
    },
  )

  it('misses an exporter that has nothing in the store', () => {
    expect(account([sent('v5', 5)], [], []).problems).toHaveLength(1)
  })
})
