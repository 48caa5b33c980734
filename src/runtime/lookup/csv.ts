import { JobError } from '../../vocabulary/error.ts'

/** A record of a CSV file and the line it starts at (1 is the first). */
export interface CsvRecord {
  readonly line: number
  readonly fields: readonly string[]
}

/** Reads CSV by RFC 4180: quoted fields may hold commas, line breaks and doubled quotes. Empty lines and a byte order mark are skipped. */
export function parseCsv(text: string, name: string): CsvRecord[] {
  const records: CsvRecord[] = []
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  let line = 1
  while (at < text.length) {
    const first = line
    const fields: string[] = []
    for (;;) {
      const field = text[at] === '"' ? quotedField(text, at, name, line) : plainField(text, at)
      fields.push(field.value)
      line += field.lines
      at = field.end
      if (text[at] !== ',') break
      at++
    }
    if (at < text.length) {
      at += text.startsWith('\r\n', at) ? 2 : 1
      line++
    }
    if (fields.length > 1 || fields[0] !== '') records.push({ line: first, fields })
  }
  return records
}

interface Field {
  readonly value: string
  readonly end: number
  readonly lines: number
}

function plainField(text: string, from: number): Field {
  let end = from
  while (end < text.length && text[end] !== ',' && text[end] !== '\n' && text[end] !== '\r') end++
  return { value: text.slice(from, end).trim(), end, lines: 0 }
}

function quotedField(text: string, from: number, name: string, line: number): Field {
  let value = ''
  let at = from + 1
  for (;;) {
    const close = text.indexOf('"', at)
    if (close < 0)
      throw new JobError(
        'bad-lookup',
        `lookup ${name}: line ${line}: expected a closing quote, got the end of the file`,
      )
    value += text.slice(at, close)
    at = close + 1
    if (text[at] !== '"') break
    value += '"'
    at++
  }
  if (at < text.length && text[at] !== ',' && text[at] !== '\n' && text[at] !== '\r') {
    throw new JobError(
      'bad-lookup',
      `lookup ${name}: line ${line}: expected a comma after a quoted field, got ${JSON.stringify(text[at])}`,
    )
  }
  return { value, end: at, lines: value.split('\n').length - 1 }
}

/** One record as a line of CSV, quoted where needed. */
export function formatCsv(fields: readonly string[]): string {
  return fields.map((field) => (/[",\r\n]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')
}
