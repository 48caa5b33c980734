import { describe, expect, it } from 'vitest'
import type { ProgressState } from '../../src/report/progress.ts'
import { flowsText, Progress, tasksText } from '../../src/report/progress.ts'

const state: ProgressState = {
  stage: 'map',
  done: 2,
  total: 8,
  running: 2,
  failed: 1,
  flows: 3_000_000,
  bytes: 120_000_000,
}

describe('tasksText', () => {
  it('gives tasks, speed and the time left', () => {
    expect(tasksText(state, 2000)).toBe(
      'map 2/8 tasks, 2 running, 1 failed, 1.5 M flows/s, 60.0 MB/s, about 6.0 s left',
    )
    expect(tasksText({ ...state, done: 8, running: 0, failed: 0 }, 4000)).toBe(
      'map 8/8 tasks, 0 running, 750.0 k flows/s, 30.0 MB/s, 4.0 s',
    )
  })
})

describe('flowsText', () => {
  it('gives the time left when the number of flows is known', () => {
    expect(flowsText('sent', 500_000, 1_000_000, 10_000)).toBe(
      'sent 500,000 of 1,000,000 flows, 50.0 k flows/s, about 10.0 s left',
    )
    expect(flowsText('imported', 700, undefined, 1000)).toBe('imported 700 flows, 700 flows/s')
  })
})

describe('Progress', () => {
  const paint = (interactive: boolean) => {
    let now = 0
    const written: string[] = []
    const write = (text: string): void => {
      written.push(text)
    }
    const progress = new Progress({ write, interactive, now: () => now, columns: () => 12 })
    const at = (ms: number): void => {
      now = ms
    }
    return { progress, written, at }
  }

  it('repaints one line on a terminal, cut to its width, and removes it for a log line', () => {
    const { progress, written, at } = paint(true)
    at(1000)
    progress.update((elapsed) => `after ${elapsed} ms and more`)
    at(1050)
    progress.update(() => 'too soon')
    progress.log('task 3 failed')
    expect(written).toEqual(['\r\x1b[2Kafter 1000 ', '\r\x1b[2K', 'task 3 failed\n'])
  })

  it('shows the newest of what came too soon when its time has come, and nothing after it was cleared', () => {
    let now = 0
    let due = (): void => {}
    const written: string[] = []
    const progress = new Progress({
      ...{ interactive: true, now: () => now, write: (text) => void written.push(text) },
      later: (ms, callback) => {
        expect(ms).toBe(70)
        due = callback
      },
    })
    progress.update(() => 'first')
    now = 30
    progress.update(() => 'second')
    progress.update((elapsed) => `third after ${elapsed}`)
    now = 100
    due()
    expect(written).toEqual(['\r\x1b[2Kfirst', '\r\x1b[2Kthird after 100'])
    now = 130
    progress.update(() => 'fourth')
    progress.clear()
    now = 200
    due()
    expect(written.slice(2)).toEqual(['\r\x1b[2K'])
  })

  it('prints a plain line every five seconds elsewhere, and none for work that ends at once', () => {
    const { progress, written, at } = paint(false)
    for (let second = 0; second <= 11; second++) {
      at(second * 1000)
      progress.update((elapsed) => `${elapsed} ms`)
    }
    expect(written).toEqual(['5000 ms\n', '10000 ms\n'])
  })
})
