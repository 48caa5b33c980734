import { describe, expect, it } from 'vitest'
import { displayWidth, printable, truncate } from '../../src/report/width.ts'
import { fc } from '../kit/fast-check.ts'

describe('displayWidth', () => {
  it('counts terminal columns, not code units', () => {
    expect(displayWidth('router')).toBe(6)
    expect(displayWidth('Zürich')).toBe(6)
    expect(displayWidth('Zu\u0308rich')).toBe(6)
    expect(displayWidth('東京')).toBe(4)
    expect(displayWidth('🛰')).toBe(2)
  })
})

describe('truncate', () => {
  it('fits any text into the columns given', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 1, max: 20 }),
        (text, columns) => displayWidth(truncate(text, columns)) <= columns,
      ),
    )
    expect(truncate('a long name', 6)).toBe('a lon…')
    expect(truncate('東京都', 4)).toBe('東…')
  })
})

describe('printable', () => {
  it('shows control characters instead of sending them to the terminal', () => {
    expect(printable('a\x1b[31mred\n')).toBe('a\\x1b[31mred\\x0a')
  })
})
