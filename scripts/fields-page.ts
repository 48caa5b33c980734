import { FLOW_COLUMNS } from '../src/flow/batch.ts'
import type { FieldDefinition } from '../src/flow/fields.ts'
import { FLOW_FIELDS, FLOW_FLAG_DOCS, FLOW_FLAGS } from '../src/flow/fields.ts'
import { avroSchema } from '../src/flow/schema.ts'

/** The text of docs/fields.md, made from the field table. */
export function fieldsPage(): string {
  const schema = avroSchema('Flow', FLOW_COLUMNS)
  const avroTypes = new Map(schema.fields.map(({ name, type }) => [name, typeName(type)]))
  const fields: readonly FieldDefinition[] = FLOW_FIELDS
  const fieldRows = fields.map((field) => [
    String(field.id),
    `\`${field.name}\``,
    avroTypes.get(field.name) ?? '',
    `${field.doc}${field.unit ? ` (${field.unit})` : ''}`,
    field.element,
    field.default === undefined ? field.zero : `${field.zero}; missing reads as ${field.default}`,
  ])
  const flagRows = Object.entries(FLOW_FLAGS).map(([name, bit]) => [
    String(Math.log2(bit)),
    `\`${name}\``,
    FLOW_FLAG_DOCS[name as keyof typeof FLOW_FLAGS],
  ])
  return `${INTRODUCTION}
${table(['id', 'field', 'Avro', 'what it holds', 'filled from (IANA elements)', 'zero or absent means'], fieldRows)}
## Flags

Bits of the field \`flags\`, from the lowest. Bits are never given another meaning; new ones are added. A filter tests one by name: \`flags reverse\`.

${table(['bit', 'name', 'set when'], flagRows)}
${FURTHER}`
}

const INTRODUCTION = `<!-- Made by \`npm run docs\` from src/flow/fields.ts; a test checks that it is current. -->
# Fields of a flow

One row per flow, in this order. Ids are permanent: fields are added at the end with a default, never retyped, renamed or removed. A block that lacks a field
reads as if every row held its default: zero, no address, or what the last column says.

Times are milliseconds since 1970 in UTC (\`timestamp-millis\`), rounded down. Addresses are 4 or 16 raw bytes in network order, empty when absent. Counters are as
exported, never scaled by the sampling rate, and at most 2^53-1; a record with a larger one goes to the dataset \`quarantine/ingest\`.
`

const FURTHER = `## Further elements

Any other IANA or enterprise element can be added as a column of its own name by configuration (\`elements: ['postNATSourceIPv4Address', ...]\`). Such columns are
nullable: a record without the element holds null, which is not zero.

## Columns and Avro types

Extra columns and job results use these types; the schema notes them as \`columnType\`, which other Avro readers ignore.

${table(
  ['column type', 'Avro type', 'values'],
  [
    ['`u8`, `u16`', 'int', '0 to 255, 0 to 65,535'],
    ['`u32`', 'long (int for `flags`)', '0 to 4,294,967,295'],
    ['`u53`, `i53`', 'long', 'integers that a double holds exactly: up to 2^53-1, from 0 or from -(2^53-1)'],
    ['`u64`', 'long', '0 to 2^63-1; larger ones are refused'],
    ['`i64`', 'long', '-2^63 to 2^63-1'],
    ['`instant`', 'long, `timestamp-millis`', 'milliseconds since 1970-01-01T00:00:00Z'],
    ['`duration`', 'long', 'milliseconds'],
    ['`boolean`', 'boolean', ''],
    ['`address`', 'bytes', '4 or 16 bytes, empty when absent'],
    ['`prefix`', 'bytes', '5 or 17 bytes: the address, host bits zero, then its length in bits; empty when absent'],
    ['`text`', 'string', 'UTF-8'],
    ['`bytes`', 'bytes', ''],
  ],
)}
A nullable column is a union with null, null first and the default.
`

function typeName(type: unknown): string {
  if (typeof type === 'string') return type
  return typeof type === 'object' && type !== null && 'logicalType' in type
    ? `long, \`${type.logicalType}\``
    : String(type)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}
