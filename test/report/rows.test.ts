import { describe, expect, it } from 'vitest'
import { createBatch } from '../../src/flow/batch.ts'
import type { ColumnSpec } from '../../src/flow/column.ts'
import { setValue, type Value } from '../../src/flow/value.ts'
import { csvWriter } from '../../src/report/csv.ts'
import { jsonWriter, ndjsonWriter } from '../../src/report/json.ts'
import type { Output, RowWriter } from '../../src/report/row-writer.ts'
import { tableWriter } from '../../src/report/table.ts'

const columns: ColumnSpec[] = [
  { name: 'dstPort', type: 'u16' },
  { name: 'router', type: 'text', nullable: true },
  { name: 'at', type: 'instant' },
  { name: 'bytes', type: 'u64' },
]

const rows: Value[][] = [
  [443, 'core "1", east', '2026-01-01T00:00:00.000Z', 18_446_744_073_709_551_615n],
  [53, null, '2026-01-01T00:00:01.500Z', 9_000_000_000_000_000n],
  [0, '', '1970-01-01T00:00:00.000Z', 0n],
]

function collect(): Output & { text(): string } {
  const parts: string[] = []
  return { write: async (chunk) => void parts.push(String(chunk)), text: () => parts.join('') }
}

/** Prints the rows in batches of two, reusing the batch as the engine does. */
async function print(writer: RowWriter, all: readonly (readonly Value[])[] = rows): Promise<void> {
  for (let first = 0; first < all.length; first += 2) {
    const batch = createBatch(columns, 2)
    for (const row of all.slice(first, first + 2)) {
      for (const [index, { name }] of columns.entries()) setValue(batch.columns[name]!, batch.length, row[index]!)
      batch.length++
    }
    await writer.add(batch)
  }
  await writer.finish()
}

describe('csvWriter', () => {
  it('quotes as RFC 4180 says, keeps integers whole, and tells absent from empty', async () => {
    const output = collect()
    await print(csvWriter({ output, columns }))
    expect(output.text()).toBe(
      'dstPort,router,at,bytes\n' +
        '443,"core ""1"", east",2026-01-01T00:00:00.000Z,18446744073709551615\n' +
        '53,,2026-01-01T00:00:01.500Z,9000000000000000\n' +
        '0,"",1970-01-01T00:00:00.000Z,0\n',
    )
  })
})

describe('ndjsonWriter', () => {
  it('prints an object per row with 64-bit integers whole', async () => {
    const output = collect()
    await print(ndjsonWriter({ output, columns }))
    const lines = output.text().trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toBe(
      '{"dstPort":443,"router":"core \\"1\\", east","at":"2026-01-01T00:00:00.000Z","bytes":18446744073709551615}',
    )
    expect(JSON.parse(lines[1]!)).toEqual({ dstPort: 53, router: null, at: '2026-01-01T00:00:01.500Z', bytes: 9e15 })
  })

  it('quotes all values of 64-bit columns, and only those, when asked to', async () => {
    const output = collect()
    await print(ndjsonWriter({ output, columns, int64: 'string' }))
    const parsed = output
      .text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(parsed.map(({ bytes }) => bytes)).toEqual(['18446744073709551615', '9000000000000000', '0'])
    expect(parsed[0].dstPort).toBe(443)
  })
})

describe('jsonWriter', () => {
  it('prints one object with the head, the columns and the rows', async () => {
    const output = collect()
    await print(jsonWriter({ output, columns, head: { job: 'ports', coverage: { flows: 3 } } }))
    expect(JSON.parse(output.text())).toEqual({
      job: 'ports',
      coverage: { flows: 3 },
      columns: columns.map(({ name, type }) => ({ name, type })),
      rows: [
        expect.objectContaining({ dstPort: 443 }),
        { dstPort: 53, router: null, at: '2026-01-01T00:00:01.500Z', bytes: 9e15 },
        { dstPort: 0, router: '', at: '1970-01-01T00:00:00.000Z', bytes: 0 },
      ],
    })
  })

  it('is JSON without rows and without a head', async () => {
    const output = collect()
    await print(jsonWriter({ output, columns: [], head: {} }), [])
    expect(JSON.parse(output.text())).toEqual({ columns: [], rows: [] })
  })
})

describe('tableWriter', () => {
  it('lines up numbers on the right, scales bytes by a unit in the header and leaves ports alone', async () => {
    const output = collect()
    await print(tableWriter({ output, columns }), [
      [443, 'zürich', '2026-01-01T00:00:00.000Z', 12_345_678_901n],
      [8080, '東京', '2026-01-01T00:00:00.000Z', 45_678_901n],
    ])
    expect(output.text()).toBe(
      [
        'dstPort  router  at                        bytes (GB)',
        '───────  ──────  ────────────────────────  ──────────',
        '    443  zürich  2026-01-01T00:00:00.000Z       12.35',
        '   8080  東京    2026-01-01T00:00:00.000Z        0.05',
        '',
      ].join('\n'),
    )
  })

  it('prints the first rows and the number left out', async () => {
    const output = collect()
    const many = Array.from({ length: 2500 }, (_, index): Value[] => [index % 100, 'r', '2026-01-01T00:00:00Z', 1000n])
    await print(tableWriter({ output, columns, limit: 3 }), many)
    const lines = output.text().trimEnd().split('\n')
    expect(lines).toHaveLength(6)
    expect(lines.at(-1)).toBe('2,497 more rows')
  })

  it('draws a bar column and says when there are no rows', async () => {
    const output = collect()
    await print(tableWriter({ output, columns, bars: 'bytes' }), [
      [1, 'a', '2026-01-01T00:00:00Z', 800n],
      [2, 'b', '2026-01-01T00:00:00Z', 100n],
      [3, 'c', '2026-01-01T00:00:00Z', 0n],
    ])
    expect(output.text().match(/ (█.*)$/gm)).toEqual([` ${'█'.repeat(24)}`, ` ${'█'.repeat(3)}`])
    const empty = collect()
    await print(tableWriter({ output: empty, columns }), [])
    expect(empty.text()).toContain('no rows')
  })

  it('shows control characters in names instead of sending them to the terminal', async () => {
    const output = collect()
    await print(tableWriter({ output, columns }), [[1, 'a\x1b[2Jb', '2026-01-01T00:00:00Z', 1n]])
    expect(output.text()).toContain('a\\x1b[2Jb')
  })
})
