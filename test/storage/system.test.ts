import { describe, expect, it } from 'vitest'
import { realSystem, type System, seededSystem } from '../../src/storage/system.ts'

const draws = (system: System, count: number): number[] => Array.from({ length: count }, () => system.random())

describe('seeded system', () => {
  it('repeats its randomness from its seed', () => {
    expect(draws(seededSystem(7), 50)).toEqual(draws(seededSystem(7), 50))
    expect(draws(seededSystem(7), 50)).not.toEqual(draws(seededSystem(8), 50))
    const many = draws(seededSystem(1), 20_000)
    expect(many.every((value) => value >= 0 && value < 1)).toBe(true)
    expect(many.reduce((sum, value) => sum + value, 0) / many.length).toBeCloseTo(0.5, 1)
  })

  it('sleeps by moving the clock, each sleeper waking in its turn', async () => {
    const system = seededSystem(1, { start: 1000 })
    const woken: string[] = []
    const sleeper = async (name: string, ms: number, times: number): Promise<void> => {
      for (let i = 0; i < times; i++) {
        await system.sleep(ms)
        woken.push(`${name}@${system.now()}`)
      }
    }
    await Promise.all([sleeper('a', 300, 2), sleeper('b', 1000, 1), sleeper('c', 3_600_000, 1), sleeper('d', 250, 3)])
    expect(woken).toEqual(['d@1250', 'a@1300', 'd@1500', 'a@1600', 'd@1750', 'b@2000', 'c@3601000'])
  })

  it('keeps the clock still until advanced when told to', async () => {
    const system = seededSystem(1, { start: 0, autoAdvance: false })
    const woken: number[] = []
    const loop = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await system.sleep(10)
        woken.push(system.now())
      }
    }
    const done = loop()
    await system.advance(9)
    expect(woken).toEqual([])
    await system.advance(16)
    expect(woken).toEqual([10, 20])
    expect(system.now()).toBe(25)
    await system.advance(5)
    await done
    expect(woken).toEqual([10, 20, 30])
  })

  it('wakes an aborted sleeper with the reason of its signal', async () => {
    const system = seededSystem(1, { autoAdvance: false })
    const controller = new AbortController()
    const asleep = system.sleep(1000, controller.signal)
    controller.abort(new Error('enough'))
    await expect(asleep).rejects.toThrow('enough')
    await expect(system.sleep(1000, controller.signal)).rejects.toThrow('enough')
    await system.advance(2000)
  })
})

describe('real system', () => {
  it('draws numbers in [0, 1) that do not repeat', () => {
    const many = draws(realSystem(), 5000)
    expect(many.every((value) => value >= 0 && value < 1)).toBe(true)
    expect(new Set([...many, ...draws(realSystem(), 5000)]).size).toBe(10_000)
  })

  it('sleeps, and wakes with the reason of an aborted signal', async () => {
    const system = realSystem()
    await system.sleep(0)
    await system.sleep(2)
    const controller = new AbortController()
    const asleep = system.sleep(3_000_000_000, controller.signal)
    controller.abort(new Error('enough'))
    await expect(asleep).rejects.toThrow('enough')
  })
})
