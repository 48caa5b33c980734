import { describe, expect, it } from 'vitest'
import type { Live } from '../../bench/lib/feed.ts'
import { highestLossless } from '../../bench/lib/feed.ts'
import type { Line } from '../../bench/lib/line.ts'
import { tableOf } from '../../bench/lib/line.ts'

describe('the highest rate without loss', () => {
  const sender = (limit: number) => {
    const tried: number[] = []
    const send = (rate: number): Promise<Live> => {
      tried.push(rate)
      return Promise.resolve({ sentPerSecond: rate, stored: 1, lostShare: rate > limit ? 0.1 : 0 })
    }
    return { tried, send }
  }

  it('is the last before flows are lost, and none above is tried', async () => {
    const { tried, send } = sender(25)
    expect(await highestLossless([10, 20, 30, 40], send)).toMatchObject({ sentPerSecond: 20, lostShare: 0 })
    expect(tried).toEqual([10, 20, 30, 30, 30])
  })

  it('is the highest of all when nothing is lost, and says what the lowest lost otherwise', async () => {
    expect(await highestLossless([10, 20], sender(25).send)).toMatchObject({ sentPerSecond: 20, lostShare: 0 })
    expect(await highestLossless([30, 40], sender(25).send)).toMatchObject({ sentPerSecond: 30, lostShare: 0.1 })
  })
})

describe('a rate', () => {
  it('counts when one of three tries lost nothing', async () => {
    const losses = [0.3, 0, 0.2, 0.1, 0, 0.5, 0.4, 0.6]
    const send = (rate: number): Promise<Live> =>
      Promise.resolve({ sentPerSecond: rate, stored: 1, lostShare: losses.shift() ?? 1 })
    expect(await highestLossless([10, 20, 30], send)).toMatchObject({ sentPerSecond: 20, lostShare: 0 })
    expect(losses).toEqual([])
  })
})

describe('the table', () => {
  it('has a cell for every title, empty where nothing was measured', () => {
    const line: Line = { work: 'w', flows: 2e7, ours: '1.0 M', peer: 'none', goal: '1 M', agree: true }
    const full: Line = { ...line, theirs: '2.0 M', ratio: 0.5, oursCpu: 1.234, theirCpu: 5, peakBytes: 3e8 }
    const [titles, rule, first, second] = tableOf([line, full]).split('\n')
    expect(titles?.split('|')).toHaveLength(rule?.split('|').length ?? 0)
    expect(first).toBe('| w | 20 M | 1.0 M | none |  |  | 1 M |  |  |  |')
    expect(second).toBe('| w | 20 M | 1.0 M | none | 2.0 M | 0.50 | 1 M | 1.23 | 5.00 | 300 MB |')
  })
})
