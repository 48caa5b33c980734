import { describe, expect, it } from 'vitest'
import type { ProgressState } from '../../src/report/progress.ts'
import { Progress, progressLine } from '../../src/report/progress.ts'

const state: ProgressState = {
  stage: 'map',
  done: 2,
  total: 8,
  running: 2,
  failed: 1,
  flows: 3_000_000,
  bytes: 120_000_000,
}

describe('progressLine', () => {
  it('gives tasks, speed and the time left', () => {
    expect(progressLine(state, 2000)).toBe(
      'map 2/8 tasks, 2 running, 1 failed, 1.5 M flows/s, 60.0 MB/s, about 6.0 s left',
    )
    expect(progressLine({ ...state, done: 8, running: 0, failed: 0 }, 4000)).toBe(
      'map 8/8 tasks, 0 running, 750.0 k flows/s, 30.0 MB/s, 4.0 s',
    )
  })
})

describe('Progress', () => {
  const paint = (interactive: boolean) => {
    let now = 0
    const written: string[] = []
    const progress = new Progress({
      write: (text) => written.push(text),
      interactive,
      now: () => now,
      columns: () => 20,
    })
    return {
      progress,
      written,
      at: (ms: number) => {
        now = ms
      },
    }
  }

  it('repaints one line on a terminal, cut to its width, and removes it for a log line', () => {
    const { progress, written, at } = paint(true)
    at(1000)
    progress.update(state)
    at(1050)
    progress.update(state)
    progress.log('task 3 failed')
    expect(written).toEqual(['\r\x1b[2Kmap 2/8 tasks, 2 ru', '\r\x1b[2K', 'task 3 failed\n'])
  })

  it('prints a plain line every five seconds elsewhere, and one when a stage is done', () => {
    const { progress, written, at } = paint(false)
    for (let second = 0; second <= 9; second++) {
      at(second * 1000)
      progress.update(state)
    }
    progress.update({ ...state, done: 8 })
    progress.update({ ...state, done: 8 })
    expect(written).toHaveLength(3)
    expect(written.join('')).not.toContain('\x1b')
  })
})
