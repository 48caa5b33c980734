import { describe, expect, it } from 'vitest'
import {
  between,
  count,
  flag,
  integer,
  listOf,
  mapOf,
  object,
  oneOf,
  optional,
  orNull,
  type Shape,
  text,
  variants,
} from '../../../src/storage/manifest/shape.ts'

type Change =
  | { readonly type: 'add'; readonly key: string }
  | { readonly type: 'remove'; readonly at: number; readonly why?: string }

const change = variants<Change>({ add: object({ key: text }), remove: object({ at: count, why: optional(text) }) })

describe('shapes of JSON', () => {
  const held: [string, Shape<unknown>, unknown][] = [
    ['text', text, ''],
    ['a flag', flag, false],
    ['a whole number', integer, -(2 ** 53) + 1],
    ['a number of a range', between(0, 3), 3],
    ['null where it may be', orNull(integer), null],
    ['one of some values', oneOf('a', 'b'), 'b'],
    ['an empty list', listOf(text), []],
    ['a map', mapOf(integer), { a: 1, b: 2 }],
    ['an object with fields that are not named', object({ a: text }), { a: 'x', b: 3 }],
    ['a variant without what it may lack', change, { type: 'remove', at: 0 }],
  ]
  for (const [what, shape, value] of held)
    it(`find nothing wrong with ${what}`, () => expect(shape(value)).toBeUndefined())

  const wrong: [string, Shape<unknown>, unknown, string, string][] = [
    ['a number for text', text, 1, '', 'text'],
    ['a fraction', integer, 1.5, '', 'a whole number'],
    ['a number that is not safe', integer, 2 ** 53, '', 'a whole number'],
    ['a number below a range', count, -1, '', `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`],
    ['a number above a range', between(0, 3), 4, '', 'a whole number from 0 to 3'],
    ['nothing for null', orNull(integer), undefined, '', 'a whole number'],
    ['another value', oneOf('a', 'b'), 'c', '', 'one of a, b'],
    ['an object for a list', listOf(text), {}, '', 'a list'],
    ['an entry', listOf(text), ['a', 2], '[1]', 'text'],
    ['a list for an object', object({ a: text }), [], '', 'object'],
    ['null for an object', object({ a: text }), null, '', 'object'],
    ['a field that is missing', object({ a: text, b: count }), { a: 'x' }, '.b', 'a whole number from'],
    ['a field of a map', mapOf(integer), { a: 1, b: '2' }, '.b', 'a whole number'],
    ['an unknown variant', listOf(change), [{ type: 'toString' }], '[0].type', 'one of add, remove'],
    ['a field of a variant', listOf(change), [{ type: 'remove', at: 1, why: 2 }], '[0].why', 'text'],
  ]
  for (const [what, shape, value, path, expected] of wrong)
    it(`name ${what}, and where it is`, () => {
      expect(shape(value)).toMatchObject({ path, expected: expect.stringContaining(expected) })
    })
})
