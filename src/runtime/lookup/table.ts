import { createHash } from 'node:crypto'
import { compareAddressRows, formatAddressBytes, writeAddress } from '../../flow/address.ts'
import type { AddressColumn } from '../../flow/column.ts'
import { createColumn } from '../../flow/column.ts'
import type { Prefix } from '../../flow/prefix.ts'
import { parsePrefix } from '../../flow/prefix.ts'
import type { LookupRow } from '../../vocabulary/config.ts'
import { JobError, problemsError } from '../../vocabulary/error.ts'
import type { CsvRecord } from './csv.ts'
import { formatCsv, parseCsv } from './csv.ts'
import { PrefixRanges } from './ranges.ts'

/** A table of prefixes with attributes, both families, for longest-prefix match. */
export interface LookupTable {
  readonly name: string
  /** Names of the attributes, in the order of the file. */
  readonly attributes: readonly string[]
  /** Number of rows. */
  readonly size: number
  /** The table as CSV in canonical order: what is shipped to tasks, and what `hash` is of. */
  readonly text: string
  /** SHA-256 of `text`, hexadecimal: part of the key of a run. */
  readonly hash: string
  /** The row of the longest prefix that holds the address of a row of `column`, or -1. */
  find(column: AddressColumn, row: number): number
  /** The UTF-8 bytes of an attribute, by row. */
  attribute(name: string): readonly Uint8Array[]
}

interface Row {
  readonly prefix: Prefix
  readonly values: readonly string[]
  readonly line: number
}

/** Reads a table from CSV text: a header with a column `prefix` (addresses or CIDR text) and one column per attribute. Lists all that is wrong. */
export function parseLookup(name: string, text: string): LookupTable {
  const [header, ...records] = parseCsv(text, name)
  if (!header)
    throw new JobError('bad-lookup', `lookup ${name}: expected a header with a column 'prefix', got an empty file`)
  const at = header.fields.indexOf('prefix')
  if (at < 0) {
    throw new JobError(
      'bad-lookup',
      `lookup ${name}: expected a column 'prefix' in the header, got ${header.fields.join(', ')}`,
    )
  }
  const attributes = header.fields.filter((_, index) => index !== at)
  const problems: string[] = []
  if (new Set(header.fields).size < header.fields.length)
    problems.push('line 1: expected different column names, got the same one twice')
  const rows: Row[] = []
  for (const record of records) {
    const row = parseRow(record, header.fields.length, at)
    if (typeof row === 'string') problems.push(`line ${record.line}: ${row}`)
    else rows.push(row)
  }
  return buildTable(name, attributes, rows, problems)
}

/** Makes a table from rows that the configuration gives; their attributes are those of the first row. */
export function tableOfRows(name: string, rows: Iterable<LookupRow>): LookupTable {
  const list = [...rows]
  const attributes = Object.keys(list[0] ?? { prefix: '' }).filter((key) => key !== 'prefix')
  const lines = list.map((row) => formatCsv([String(row.prefix), ...attributes.map((key) => String(row[key] ?? ''))]))
  return parseLookup(name, [formatCsv(['prefix', ...attributes]), ...lines, ''].join('\n'))
}

function parseRow(record: CsvRecord, width: number, at: number): Row | string {
  if (record.fields.length !== width) return `expected ${width} fields, got ${record.fields.length}`
  try {
    const prefix = parsePrefix(record.fields[at]!)
    return { prefix, values: record.fields.filter((_, index) => index !== at), line: record.line }
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^flow: /, '') : String(error)
  }
}

function buildTable(
  name: string,
  attributes: readonly string[],
  unsorted: readonly Row[],
  problems: string[],
): LookupTable {
  const rows = inOrder(unsorted)
  for (let index = 1; index < rows.length; index++) {
    const [before, row] = [rows[index - 1]!, rows[index]!]
    if (sameNetwork(before, row))
      problems.push(`line ${Math.max(before.line, row.line)}: expected each prefix once, got ${prefixText(row)} again`)
  }
  if (problems.length > 0) throw problemsError('bad-lookup', `lookup ${name}`, problems)
  const text = [['prefix', ...attributes], ...rows.map((row) => [prefixText(row), ...row.values])]
    .map(formatCsv)
    .join('\n')
  const entries = rows.map(({ prefix: { bytes, bits } }, entry) => ({ bytes, bits, entry }))
  // Made for the first address of their family: whoever plans a run, or has no such address, looks none up.
  const rangesOf = (length: 4 | 16): PrefixRanges =>
    new PrefixRanges(
      entries.filter(({ bytes }) => bytes.length === length),
      length === 4 ? 1 : 4,
    )
  let ranges4: PrefixRanges | undefined
  let ranges6: PrefixRanges | undefined
  const encoder = new TextEncoder()
  const encoded = attributes.map((_, index) => rows.map(({ values }) => encoder.encode(values[index])))
  return {
    name,
    attributes,
    size: rows.length,
    text: `${text}\n`,
    hash: createHash('sha256').update(`${text}\n`).digest('hex'),
    find(column, row) {
      const family = column.family[row]
      if (family === 4) {
        ranges4 ??= rangesOf(4)
        return ranges4.find4(column.v4[row]!)
      }
      if (family !== 6) return -1
      ranges6 ??= rangesOf(16)
      return ranges6.find6(column.v6, row * 16)
    },
    attribute(wanted) {
      const column = encoded[attributes.indexOf(wanted)]
      if (!column)
        throw new JobError('bad-lookup', `lookup ${name}: expected one of ${attributes.join(', ')}, got ${wanted}`)
      return column
    },
  }
}

/** Canonical order: by address, then from the shortest prefix. */
function inOrder(rows: readonly Row[]): Row[] {
  const addresses = createColumn('address', rows.length)
  for (const [row, { prefix }] of rows.entries()) writeAddress(addresses, row, prefix.bytes)
  return [...rows.keys()]
    .sort((a, b) => compareAddressRows(addresses, a, addresses, b) || rows[a]!.prefix.bits - rows[b]!.prefix.bits)
    .map((row) => rows[row]!)
}

function sameNetwork({ prefix: a }: Row, { prefix: b }: Row): boolean {
  return a.bits === b.bits && Buffer.compare(a.bytes, b.bytes) === 0
}

function prefixText({ prefix }: Row): string {
  return `${formatAddressBytes(prefix.bytes)}/${prefix.bits}`
}
