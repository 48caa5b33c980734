import { fc } from '../../kit/fast-check.ts'

/** Arbitrary Avro schemas with values, as avsc takes them: fields that a reader does not know. */

export interface TypedValue {
  readonly schema: unknown
  readonly value: unknown
}

interface Shape {
  /** The schema; named types take their names from the counter, so that no two are the same. */
  readonly schema: (names: Names) => unknown
  readonly value: fc.Arbitrary<unknown>
}

export class Names {
  private count = 0

  next(): string {
    return `T${this.count++}`
  }
}

const plain = (type: string, value: fc.Arbitrary<unknown>): Shape => ({ schema: () => type, value })
const buffers = (options: fc.IntArrayConstraints): fc.Arbitrary<Buffer> =>
  fc.uint8Array(options).map((bytes) => Buffer.from(bytes))

const primitives: readonly Shape[] = [
  plain('null', fc.constant(null)),
  plain('boolean', fc.boolean()),
  plain('int', fc.integer()),
  plain('long', fc.integer({ min: -(2 ** 50), max: 2 ** 50 })),
  plain('float', fc.constantFrom(0, 1.5, -2)),
  plain('double', fc.double({ noNaN: true })),
  plain('bytes', buffers({ maxLength: 100 })),
  plain('string', fc.string({ maxLength: 80 })),
  {
    schema: (names) => ({ type: 'enum', name: names.next(), symbols: ['A', 'B', 'C'] }),
    value: fc.constantFrom('A', 'B', 'C'),
  },
  {
    schema: (names) => ({ type: 'fixed', name: names.next(), size: 5 }),
    value: buffers({ minLength: 5, maxLength: 5 }),
  },
  {
    // A tree of one branch: a type that refers to itself.
    schema: (names) => {
      const name = names.next()
      return {
        type: 'record',
        name,
        fields: [
          { name: 'n', type: 'int' },
          { name: 'children', type: { type: 'array', items: name } },
        ],
      }
    },
    value: fc
      .array(fc.integer(), { minLength: 1, maxLength: 5 })
      .map((items) => items.reduceRight<object[]>((children, n) => [{ n, children }], [])[0]),
  },
]

/** Any type, nested or not; unions are of null, a number and one other type. */
export const anyShape: fc.Arbitrary<Shape> = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    fc.constantFrom(...primitives),
    tie('shape').map(
      (items): Shape => ({
        schema: (names) => ({ type: 'array', items: items.schema(names) }),
        value: fc.array(items.value, { maxLength: 4 }),
      }),
    ),
    tie('shape').map(
      (values): Shape => ({
        schema: (names) => ({ type: 'map', values: values.schema(names) }),
        value: fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), values.value, { maxKeys: 3 }),
      }),
    ),
    fc.array(tie('shape'), { maxLength: 3 }).map(
      (fields): Shape => ({
        schema: (names) => ({
          type: 'record',
          name: names.next(),
          fields: fields.map((field, i) => ({ name: `f${i}`, type: field.schema(names) })),
        }),
        value: fc
          .tuple(...fields.map((field) => field.value))
          .map((values) => Object.fromEntries(values.map((value, i) => [`f${i}`, value]))),
      }),
    ),
    tie('shape').map(
      (other): Shape => ({
        schema: (names) => ['null', 'int', { type: 'array', items: other.schema(names) }],
        value: fc.oneof(
          fc.constant(null),
          fc.integer().map((int) => ({ int })),
          fc.array(other.value, { maxLength: 3 }).map((array) => ({ array })),
        ),
      }),
    ),
  ),
})).shape
