import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import { parseFilter } from '../../../src/flow/filter/filter.ts'
import { fc } from '../../kit/fast-check.ts'
import { anyRows, batchOf } from '../columns.ts'
import { naiveSelect } from './naive.ts'

const page = readFileSync(new URL('../../../docs/filter.md', import.meta.url), 'utf8')
const blocks = [...page.matchAll(/```filter\n([^`]+)```/g)].flatMap(([, lines = '']) => lines.trim().split('\n'))
const cells = [...page.matchAll(/^\| (`.+?) \|/gm)].flatMap(([, cell = '']) =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text),
)
const tests = cells.filter((text) => !/^[A-Z]$/.test(text))

describe('docs/filter.md', () => {
  it('has examples', () => {
    expect(blocks.length).toBeGreaterThan(7)
    expect(tests.length).toBeGreaterThan(25)
  })

  for (const text of [...blocks, ...tests]) {
    it(`shows a filter that works: ${text}`, () => {
      const plan = parseFilter(text, FLOW_COLUMNS)
      fc.assert(
        fc.property(anyRows(FLOW_COLUMNS, { maxLength: 8 }), (rows) => {
          const batch = batchOf(FLOW_COLUMNS, rows)
          const selection = new Uint32Array(batch.capacity)
          expect([...selection.subarray(0, plan.select(batch, selection))]).toEqual(naiveSelect(plan.filter, batch))
        }),
        { numRuns: 10 },
      )
    })
  }

  it('shows the error that its wrong example gives', () => {
    const [, message = ''] = /^ {4}(flow: filter .*)$/m.exec(page) ?? []
    expect(() => parseFilter('dstPrt = 80', FLOW_COLUMNS)).toThrow(message)
  })
})
