import avro from 'avsc'
import { describe, expect, it } from 'vitest'
import { FLOW_COLUMNS } from '../../src/flow/batch.ts'
import { COLUMN_TYPES } from '../../src/flow/column.ts'
import { avroSchema, columnSpecs, schemaId } from '../../src/flow/schema.ts'
import { fc } from '../kit/fast-check.ts'
import { anySpecs } from './columns.ts'

describe('an Avro schema', () => {
  it('gives back the columns it was made from', () => {
    fc.assert(
      fc.property(anySpecs, (specs) => {
        const schema = JSON.parse(JSON.stringify(avroSchema('any', specs)))
        expect(columnSpecs(schema)).toEqual(specs)
      }),
    )
    expect(columnSpecs(avroSchema('Flow', FLOW_COLUMNS))).toEqual(FLOW_COLUMNS)
  })

  it('is one that another Avro implementation accepts', () => {
    const specs = COLUMN_TYPES.flatMap((type) => [
      { name: type, type },
      { name: `${type}_`, type, nullable: true },
    ])
    const schema = JSON.parse(JSON.stringify(avroSchema('every-type', specs)))
    expect(avro.Type.forSchema(schema).name).toBe('flowreduce.every_type')
    avro.Type.forSchema(JSON.parse(JSON.stringify(avroSchema('Flow', FLOW_COLUMNS))))
  })

  it('stores flow fields as the field table says', () => {
    const fields = avroSchema('Flow', FLOW_COLUMNS).fields
    const field = (name: string) => fields.find((candidate) => candidate.name === name)
    expect(field('start')).toMatchObject({
      type: { type: 'long', logicalType: 'timestamp-millis' },
      fieldId: 1,
      default: 0,
    })
    expect(field('srcAddr')).toMatchObject({ type: 'bytes', default: '' })
    expect(field('domain')).toMatchObject({ type: 'long' })
    expect(field('direction')).toMatchObject({ type: 'int', default: 255 })
    expect(field('flags')).toMatchObject({ type: 'int', columnType: 'u32' })
  })

  it('of another tool gives the widest columns and leaves out what no column holds', () => {
    const fields = [
      { name: 'a', type: 'int' },
      { name: 'b', type: ['null', 'long'] },
      { name: 'c', type: { type: 'long', logicalType: 'timestamp-micros' } },
      { name: 'd', type: { type: 'fixed', name: 'F', size: 16 } },
      { name: 'e', type: 'double' },
      { name: 'f', type: { type: 'array', items: 'int' } },
      { name: 'g', type: ['int', 'string'] },
    ]
    expect(columnSpecs({ type: 'record', name: 'x', fields })).toEqual([
      { name: 'a', type: 'i53' },
      { name: 'b', type: 'i64', nullable: true },
      { name: 'c', type: 'instant' },
      { name: 'd', type: 'bytes' },
    ])
    expect(() => columnSpecs('int')).toThrow('flow: schema expected an Avro record, got "int"')
  })

  it('refuses names that Avro does not allow, and repeated ones', () => {
    expect(() => avroSchema('x', [{ name: 'bytes/s', type: 'u53' }])).toThrow('got "bytes/s"')
    const twice = [0, 1].map(() => ({ name: 'a', type: 'u8' as const }))
    expect(() => avroSchema('x', twice)).toThrow('expected names that differ, got "a"')
  })

  it('has an id that ignores docs and the order of keys, and nothing else', () => {
    const schema = avroSchema('Flow', FLOW_COLUMNS)
    const id = schemaId(schema)
    expect(id).toMatch(/^[0-9a-f]{16}$/)
    const reordered = JSON.parse(
      JSON.stringify({ fields: schema.fields, namespace: 'flowreduce', name: 'Flow', type: 'record' }),
    )
    expect(schemaId(reordered)).toBe(id)
    expect(
      schemaId(
        avroSchema(
          'Flow',
          FLOW_COLUMNS.map((spec) => ({ ...spec, doc: 'other' })),
        ),
      ),
    ).toBe(id)
    expect(schemaId(avroSchema('Flow', FLOW_COLUMNS.slice(1)))).not.toBe(id)
    const a = avroSchema('x', [{ name: 'a', type: 'u8' }])
    const b = avroSchema('x', [{ name: 'a', type: 'u16' }])
    expect(schemaId(a)).not.toBe(schemaId(b))
  })
})
