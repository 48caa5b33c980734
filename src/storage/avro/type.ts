import { StorageError } from '../errors.ts'

/** An Avro type of a writer's schema, with names resolved; recursive types are cycles of records. */
export type AvroType =
  | { readonly type: AvroPrimitiveName; readonly logicalType?: string }
  | { readonly type: 'fixed'; readonly size: number; readonly logicalType?: string }
  | { readonly type: 'enum' }
  | { readonly type: 'array' | 'map'; readonly items: AvroType }
  | { readonly type: 'union'; readonly branches: readonly AvroType[] }
  | AvroRecord

export type AvroPrimitiveName = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

export interface AvroRecord {
  readonly type: 'record'
  readonly name: string
  /** Filled after the record is known by name, so that its fields can refer to it. */
  readonly fields: { readonly name: string; readonly type: AvroType }[]
}

const PRIMITIVES: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
])
const MAX_NESTING = 100

/** Reads an Avro schema in JSON whose top is a record, as the Avro specification 1.12 says. Throws `bad-schema`. */
export function parseAvroRecord(schema: unknown): AvroRecord {
  const type = parseType(schema, { names: new Map(), namespace: '', depth: 0 })
  if (type.type !== 'record') throw badSchema('a record', type.type)
  return type
}

interface Scope {
  readonly names: Map<string, AvroType>
  readonly namespace: string
  readonly depth: number
}

function parseType(schema: unknown, scope: Scope): AvroType {
  if (scope.depth > MAX_NESTING) throw badSchema(`at most ${MAX_NESTING} levels`, 'more')
  if (typeof schema === 'string') return primitive(schema) ?? named(schema, scope)
  const inner = { ...scope, depth: scope.depth + 1 }
  if (Array.isArray(schema)) {
    if (schema.length === 0) throw badSchema('a union of at least one type', '[]')
    return { type: 'union', branches: schema.map((branch) => parseType(branch, inner)) }
  }
  if (!isObject(schema)) throw badSchema('a type', JSON.stringify(schema))
  const logicalType = typeof schema.logicalType === 'string' ? { logicalType: schema.logicalType } : {}
  switch (schema.type) {
    case 'record':
    case 'error':
      return parseRecord(schema, inner)
    case 'enum':
      return define(schema, inner, { type: 'enum' })
    case 'fixed': {
      const { size } = schema
      if (typeof size !== 'number' || !Number.isInteger(size) || size < 0)
        throw badSchema('a size', JSON.stringify(size))
      return define(schema, inner, { type: 'fixed', size, ...logicalType })
    }
    case 'array':
      return { type: 'array', items: parseType(schema.items, inner) }
    case 'map':
      return { type: 'map', items: parseType(schema.values, inner) }
    default: {
      const type = parseType(schema.type, inner)
      return PRIMITIVES.has(type.type) ? { ...type, ...logicalType } : type
    }
  }
}

function parseRecord(schema: JsonObject, scope: Scope): AvroType {
  if (!Array.isArray(schema.fields)) throw badSchema('fields in a record', JSON.stringify(schema.fields))
  const record: AvroRecord = { type: 'record', name: fullName(schema, scope), fields: [] }
  define(schema, scope, record)
  const dot = record.name.lastIndexOf('.')
  const inside = { ...scope, namespace: dot < 0 ? '' : record.name.slice(0, dot) }
  for (const field of schema.fields as unknown[]) {
    if (!isObject(field) || typeof field.name !== 'string') throw badSchema('a field name', JSON.stringify(field))
    record.fields.push({ name: field.name, type: parseType(field.type, inside) })
  }
  return record
}

function define<T extends AvroType>(schema: JsonObject, scope: Scope, type: T): T {
  const name = fullName(schema, scope)
  if (scope.names.has(name)) throw badSchema('names that differ', name)
  scope.names.set(name, type)
  return type
}

function fullName({ name, namespace }: JsonObject, scope: Scope): string {
  if (typeof name !== 'string' || name === '') throw badSchema('a name', JSON.stringify(name))
  if (name.includes('.')) return name
  const space = typeof namespace === 'string' ? namespace : scope.namespace
  return space === '' ? name : `${space}.${name}`
}

function named(name: string, { names, namespace }: Scope): AvroType {
  const qualified = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
  const type = names.get(qualified) ?? names.get(name)
  if (!type) throw badSchema('a known type', JSON.stringify(name))
  return type
}

function primitive(name: string): AvroType | undefined {
  return PRIMITIVES.has(name) ? { type: name as AvroPrimitiveName } : undefined
}

type JsonObject = { readonly [key: string]: unknown }

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function badSchema(expected: string, got: string): StorageError {
  return new StorageError('bad-schema', `storage: avro schema expected ${expected}, got ${got}`)
}
