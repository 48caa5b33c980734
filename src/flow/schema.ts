import { createHash } from 'node:crypto'
import type { ColumnSpec, ColumnType } from './column.ts'
import { FlowError } from './errors.ts'

/** The Avro schema of a dataset: one record per row. `columnType`, `fieldId` are attributes that other readers ignore. */
export interface AvroRecordSchema {
  readonly type: 'record'
  readonly name: string
  readonly namespace: string
  readonly fields: readonly AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly type: AvroFieldType | readonly ['null', AvroFieldType]
  readonly doc?: string
  readonly default?: null | number | string | boolean
  readonly aliases?: readonly string[]
  /** Permanent number of a flow field. */
  readonly fieldId?: number
  readonly columnType: ColumnType
}

export type AvroFieldType = AvroPrimitive | { readonly type: 'long'; readonly logicalType: 'timestamp-millis' }

export type AvroPrimitive = 'boolean' | 'int' | 'long' | 'bytes' | 'string'

/** How each column type is stored; a u64 above 2^63-1 cannot be, and writing it is an error. */
const AVRO_TYPES: { readonly [T in ColumnType]: AvroFieldType } = {
  u8: 'int',
  u16: 'int',
  u32: 'long',
  u53: 'long',
  i53: 'long',
  u64: 'long',
  i64: 'long',
  instant: { type: 'long', logicalType: 'timestamp-millis' },
  duration: 'long',
  boolean: 'boolean',
  address: 'bytes', // 4 or 16, network order; empty when absent
  prefix: 'bytes', // the address, then one byte: its length in bits; empty when absent
  text: 'string',
  bytes: 'bytes',
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * The Avro schema of rows with these columns. `name` names the record; characters that Avro does not allow become `_`.
 * Columns with a `fieldId` carry a default. Throws `bad-schema` for a column name that Avro does not allow, or that occurs twice.
 */
export function avroSchema(name: string, specs: readonly ColumnSpec[]): AvroRecordSchema {
  const seen = new Set<string>()
  for (const spec of specs) {
    if (!NAME.test(spec.name)) throw badName(spec.name, 'letters, digits and _')
    if (seen.has(spec.name)) throw badName(spec.name, 'names that differ')
    seen.add(spec.name)
  }
  const recordName = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_')
  return { type: 'record', name: recordName, namespace: 'flowreduce', fields: specs.map(avroField) }
}

function avroField(spec: ColumnSpec): AvroField {
  const { name, type, nullable = false, doc, fieldId, aliases } = spec
  const stored = spec.avro ?? AVRO_TYPES[type]
  return {
    name,
    type: nullable ? ['null', stored] : stored,
    ...(doc === undefined ? {} : { doc }),
    ...(nullable ? { default: null } : fieldId === undefined ? {} : { default: spec.default ?? zeroOf(type) }),
    ...(aliases === undefined ? {} : { aliases }),
    ...(fieldId === undefined ? {} : { fieldId }),
    columnType: type,
  }
}

function zeroOf(type: ColumnType): number | string | boolean {
  const stored = AVRO_TYPES[type]
  return stored === 'bytes' || stored === 'string' ? '' : stored === 'boolean' ? false : 0
}

/**
 * The columns of an Avro record schema: exactly those it was made from, or, for a schema of another tool, the widest column that holds each field
 * (int: i53, long: i64, timestamps: instant, string: text, bytes and fixed: bytes). Fields of other types are left out: no column holds them.
 * Throws `bad-schema` when it is not a record.
 */
export function columnSpecs(schema: unknown): ColumnSpec[] {
  if (!isObject(schema) || schema.type !== 'record' || !Array.isArray(schema.fields)) {
    const got = isObject(schema) ? JSON.stringify(schema.type) : JSON.stringify(schema)
    throw new FlowError('bad-schema', `flow: schema expected an Avro record, got ${got}`)
  }
  return schema.fields.flatMap((field: unknown) => columnSpec(field) ?? [])
}

function columnSpec(field: unknown): ColumnSpec | undefined {
  if (!isObject(field) || typeof field.name !== 'string') {
    throw new FlowError('bad-schema', `flow: schema field expected a name and a type, got ${JSON.stringify(field)}`)
  }
  const { stored, nullable } = withoutNull(field.type)
  const declared = declaredType(field.columnType, stored)
  const type = declared ?? widestType(stored)
  if (!type) return undefined
  const { name, doc, fieldId, aliases } = field
  return {
    name,
    type,
    ...(nullable ? { nullable } : {}),
    ...(typeof fieldId === 'number' ? { fieldId } : {}),
    ...(typeof doc === 'string' ? { doc } : {}),
    ...(typeof field.default === 'number' && field.default !== 0 ? { default: field.default } : {}),
    ...(declared && baseType(AVRO_TYPES[declared]) === 'long' && stored === 'int' ? { avro: 'int' as const } : {}),
    ...(Array.isArray(aliases) ? { aliases: aliases.filter((alias) => typeof alias === 'string') } : {}),
  }
}

function withoutNull(type: unknown): { stored: unknown; nullable: boolean } {
  if (!Array.isArray(type)) return { stored: type, nullable: false }
  const others = type.filter((branch) => branch !== 'null')
  return { stored: others.length === 1 ? others[0] : type, nullable: others.length < type.length }
}

/** The `columnType` attribute, when it is one of ours and says the same as the Avro type. */
function declaredType(columnType: unknown, stored: unknown): ColumnType | undefined {
  if (typeof columnType !== 'string' || !Object.hasOwn(AVRO_TYPES, columnType)) return undefined
  const type = columnType as ColumnType
  const expected = baseType(AVRO_TYPES[type])
  const isNarrowed = expected === 'long' && stored === 'int'
  return expected === baseType(stored) || isNarrowed ? type : undefined
}

function widestType(stored: unknown): ColumnType | undefined {
  switch (baseType(stored)) {
    case 'boolean':
      return 'boolean'
    case 'int':
      return 'i53'
    case 'long':
      return isObject(stored) && /^timestamp-/.test(String(stored.logicalType)) ? 'instant' : 'i64'
    case 'string':
      return 'text'
    case 'bytes':
    case 'fixed':
      return 'bytes'
    default:
      return undefined
  }
}

/** `long` for `"long"` and for `{ "type": "long", ... }`. */
function baseType(type: unknown): unknown {
  return isObject(type) ? type.type : type
}

/**
 * Identifies a schema: 16 hexadecimal digits of the SHA-256 of its canonical JSON: keys sorted, `doc` left out. Unlike Avro's Parsing Canonical Form
 * it tells apart what columns are made from: column types, logical types and defaults.
 */
export function schemaId(schema: unknown): string {
  return createHash('sha256').update(canonicalJson(schema)).digest('hex').slice(0, 16)
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const keys = Object.keys(value).filter((key) => key !== 'doc' && value[key] !== undefined)
  return `{${keys
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`)
    .join(',')}}`
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function badName(name: string, expected: string): FlowError {
  return new FlowError('bad-schema', `flow: column names expected ${expected}, got ${JSON.stringify(name)}`, { name })
}
