import type { ColumnSpec, ColumnType } from '../../flow/column.ts'
import { ELEMENT_TABLE } from './element-table.ts'
import { DecodeError } from './errors.ts'
import type { ElementDefinition, ElementType } from './options.ts'

/** The column that holds values of a type: structured data and numbers over 64 bits stay raw bytes, floats and MAC addresses become text. */
const COLUMN_TYPES: { readonly [T in ElementType]: ColumnType } = {
  octetArray: 'bytes',
  unsigned8: 'u8',
  unsigned16: 'u16',
  unsigned32: 'u32',
  unsigned64: 'u64',
  unsigned256: 'bytes',
  signed8: 'i53',
  signed16: 'i53',
  signed32: 'i53',
  signed64: 'i64',
  float32: 'text',
  float64: 'text',
  boolean: 'boolean',
  macAddress: 'text',
  string: 'text',
  dateTimeSeconds: 'instant',
  dateTimeMilliseconds: 'instant',
  dateTimeMicroseconds: 'instant',
  dateTimeNanoseconds: 'instant',
  ipv4Address: 'address',
  ipv6Address: 'address',
  basicList: 'bytes',
  subTemplateList: 'bytes',
  subTemplateMultiList: 'bytes',
}

const isElementType = (text: string): text is ElementType => Object.hasOwn(COLUMN_TYPES, text)

/** The IANA elements, in order of their numbers. */
export const IANA_ELEMENTS: readonly ElementDefinition[] = ELEMENT_TABLE.trim().split('\n').map(parseLine)

function parseLine(line: string): ElementDefinition {
  const [id = '', name = '', type = '', unit] = line.split(' ')
  if (!isElementType(type))
    throw new DecodeError('element', `decode: type of element ${id} expected an abstract data type, got ${type}`)
  return { id: Number(id), name, type, ...(unit === undefined ? {} : { unit }) }
}

/** The element that `name` stands for: of `definitions` first, then of IANA. */
export function findElement(name: string, definitions: readonly ElementDefinition[] = []): ElementDefinition {
  const element = [...definitions, ...IANA_ELEMENTS].find((candidate) => candidate.name === name)
  if (!element)
    throw new DecodeError(
      'element',
      `decode: element expected a name of the IANA registry or a definition, got ${name}`,
      { name },
    )
  const { id, pen = 0, type } = element
  const known =
    isElementType(type) &&
    Number.isInteger(id) &&
    id >= 0 &&
    id < 65536 &&
    Number.isInteger(pen) &&
    pen >= 0 &&
    pen < 2 ** 32
  if (!known)
    throw new DecodeError(
      'element',
      `decode: element ${name} expected a number, an enterprise and a type, got ${id}, ${pen}, ${type}`,
      { name },
    )
  return element
}

/** The columns of a flow batch that `names` ask for, in their order: what `createFlowBatch` takes. Throws DecodeError on a name unknown or repeated. */
export function elementColumns(names: readonly string[], definitions: readonly ElementDefinition[] = []): ColumnSpec[] {
  const repeated = names.find((name, i) => names.indexOf(name) < i)
  if (repeated !== undefined)
    throw new DecodeError('element', `decode: elements expected each name once, got ${repeated} twice`, {
      name: repeated,
    })
  return names.map((name) => ({ name, type: COLUMN_TYPES[findElement(name, definitions).type], nullable: true }))
}
