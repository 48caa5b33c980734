import { describe, expect, it } from 'vitest'
import type { CompactionPolicy } from '../../src/cli/compaction/schedule.ts'
import { CompactionSchedule, parsePolicy } from '../../src/cli/compaction/schedule.ts'

const MINUTE = 60_000
const NOON = Date.UTC(2026, 10, 21, 12)

describe('the policy of compaction beside a daemon', () => {
  it('is sealed, or a number of blocks', () => {
    expect(parsePolicy('sealed')).toEqual({ blocks: undefined })
    expect(parsePolicy('2')).toEqual({ blocks: 2 })
    for (const text of ['', '1', '0', '-5', '2.5', 'often', '9999999999'])
      expect(() => parsePolicy(text)).toThrow(`expected sealed or a number of blocks from 2 on, got ${text}`)
  })
})

describe('the schedule of compaction beside a daemon', () => {
  const begin = (policy: CompactionPolicy): CompactionSchedule => new CompactionSchedule(policy, NOON + 7 * MINUTE)

  it('compacts at once what is sealed, and then five minutes after every hour', () => {
    const schedule = begin({ blocks: undefined })
    expect(schedule.due(NOON + 7 * MINUTE, 0)).toBe('sealed')
    schedule.done('sealed', NOON + 9 * MINUTE, 0)
    expect(schedule.due(NOON + 65 * MINUTE - 1, 1000)).toBeUndefined()
    expect(schedule.due(NOON + 65 * MINUTE, 1000)).toBe('sealed')
    schedule.done('sealed', NOON + 65 * MINUTE, 1000)
    expect(schedule.due(NOON + 124 * MINUTE, 2000)).toBeUndefined()
    expect(schedule.due(NOON + 125 * MINUTE, 2000)).toBe('sealed')
  })

  it('compacts everything as soon as there are so many new blocks', () => {
    const schedule = begin({ blocks: 10 })
    schedule.done('sealed', NOON + 7 * MINUTE, 0)
    expect(schedule.due(NOON + 8 * MINUTE, 9)).toBeUndefined()
    expect(schedule.due(NOON + 8 * MINUTE, 10)).toBe('all')
    schedule.done('all', NOON + 9 * MINUTE, 10)
    expect(schedule.due(NOON + 9 * MINUTE, 19)).toBeUndefined()
    expect(schedule.due(NOON + 9 * MINUTE, 20)).toBe('all')
    expect(schedule.due(NOON + 65 * MINUTE, 12)).toBe('sealed')
  })

  it('waits five minutes after a failure and tries the same again', () => {
    const schedule = begin({ blocks: 10 })
    schedule.failed(NOON + 7 * MINUTE)
    expect(schedule.due(NOON + 12 * MINUTE - 1, 50)).toBeUndefined()
    expect(schedule.due(NOON + 12 * MINUTE, 50)).toBe('all')
    expect(schedule.due(NOON + 12 * MINUTE, 5)).toBe('sealed')
  })
})
