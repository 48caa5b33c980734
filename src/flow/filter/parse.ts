import type { ColumnSpec, ColumnType } from '../column.ts'
import { nearestName } from '../nearest.ts'
import { protocolNumber } from '../protocol.ts'
import type { Filter, Junction, Literal, Operator } from './ast.ts'
import { DURATION } from './ast.ts'
import { notedFlagMask, tcpFlagMask } from './flags.ts'
import { parseLiteral } from './literal.ts'
import type { Token } from './tokens.ts'
import { describeToken, filterError, tokenize } from './tokens.ts'

/** Words that begin a test beside the names of columns; a column of the same name wins. */
const KEYWORDS = ['src', 'dst', 'host', 'net', 'port', 'portrange', 'as', 'ip', 'ip6', 'sampling'] as const

/** The columns of each end of a flow that a shorthand stands for. */
const ENDPOINTS: { readonly [word: string]: readonly [src: string, dst: string] } = {
  host: ['srcAddr', 'dstAddr'],
  net: ['srcAddr', 'dstAddr'],
  port: ['srcPort', 'dstPort'],
  portrange: ['srcPort', 'dstPort'],
  as: ['srcAs', 'dstAs'],
}

const OPERATORS: { readonly [symbol: string]: Operator } = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
}

const UNORDERED: ReadonlySet<ColumnType> = new Set(['boolean', 'address', 'prefix', 'text', 'bytes'])
const MAX_DEPTH = 200

/** Parses filter text and checks it against the columns. Throws `bad-filter`, naming the position, what was expected, and the nearest name. */
export function parseText(text: string, specs: readonly ColumnSpec[]): Filter {
  return new Parser(tokenize(text), columnTypes(specs)).parse()
}

/** The type of every column that a filter can name: those of the batch, and the duration of flows. */
export function columnTypes(specs: readonly ColumnSpec[]): ReadonlyMap<string, ColumnType> {
  const types = new Map(specs.map(({ name, type }) => [name, type]))
  if (types.get('start') === 'instant' && types.get('end') === 'instant' && !types.has(DURATION))
    types.set(DURATION, 'duration')
  return types
}

/** Joins terms, flattening those that are junctions of the same kind; one term stands for itself. */
export function junction(type: Junction['type'], terms: readonly Filter[]): Filter {
  const flat = terms.flatMap((term) => (term.type === type ? term.terms : [term]))
  return flat.length === 1 ? flat[0]! : { type, terms: flat }
}

class Parser {
  private next = 0
  private depth = 0
  private readonly tokens: readonly Token[]
  private readonly types: ReadonlyMap<string, ColumnType>

  constructor(tokens: readonly Token[], types: ReadonlyMap<string, ColumnType>) {
    this.tokens = tokens
    this.types = types
  }

  parse(): Filter {
    const filter = this.parseOr()
    if (this.token.kind !== 'end') throw this.unexpected('and, or, or the end')
    return filter
  }

  private get token(): Token {
    return this.tokens[this.next]!
  }

  private take(): Token {
    const { token } = this
    if (token.kind !== 'end') this.next++
    return token
  }

  /** Takes the next token when it is this symbol or, in any case, this word. */
  private takes(...texts: string[]): boolean {
    const { kind, text } = this.token
    const found = kind !== 'quoted' && texts.includes(kind === 'word' ? text.toLowerCase() : text)
    if (found) this.next++
    return found
  }

  private unexpected(expected: string, hint?: string): Error {
    return filterError(this.token.position, expected, describeToken(this.token), hint)
  }

  private parseOr(): Filter {
    const terms = [this.parseAnd()]
    while (this.takes('or', '||')) terms.push(this.parseAnd())
    return junction('or', terms)
  }

  private parseAnd(): Filter {
    const terms = [this.parseNot()]
    while (this.takes('and', '&&')) terms.push(this.parseNot())
    return junction('and', terms)
  }

  private parseNot(): Filter {
    if (++this.depth > MAX_DEPTH) throw this.unexpected(`at most ${MAX_DEPTH} levels`)
    const filter: Filter = this.takes('not', '!') ? { type: 'not', term: this.parseNot() } : this.parseTest()
    this.depth--
    return filter
  }

  private parseTest(): Filter {
    if (this.takes('(')) {
      const filter = this.parseOr()
      if (!this.takes(')')) throw this.unexpected('and, or, or )')
      return filter
    }
    const { kind, text } = this.token
    if (kind !== 'word') throw this.unexpected('a column or a test such as dst port 443')
    const type = this.types.get(text)
    if (type) {
      this.next++
      return this.parseColumnTest(text, type)
    }
    return this.parseKeyword(text)
  }

  private parseKeyword(word: string): Filter {
    const { position } = this.token
    const proto = this.types.has('proto') ? protocolNumber(word) : undefined
    if (Object.hasOwn(ENDPOINTS, word)) return this.parseEndpoint(position, [0, 1])
    switch (word) {
      case 'src':
      case 'dst':
        this.next++
        return this.parseEndpoint(position, [word === 'src' ? 0 : 1])
      case 'ip':
      case 'ip6':
        this.next++
        return this.eitherIn(this.endColumns(position, 'host', [0, 1]), [word === 'ip' ? '0.0.0.0/0' : '::/0'])
      case 'sampling':
        this.next++
        return this.parseSampling(position)
    }
    if (proto !== undefined) {
      this.next++
      return { type: 'compare', column: 'proto', operator: '=', value: proto }
    }
    throw this.unexpected('a column', nearestName(word, [...this.types.keys(), ...KEYWORDS]))
  }

  private eitherIn(columns: readonly string[], values: readonly Literal[]): Filter {
    return junction(
      'or',
      columns.map((column) => ({ type: 'in', column, values })),
    )
  }

  /** `unknown` is 0 of 0 packets; `known` is anything else. */
  private parseSampling(position: number): Filter {
    const columns = ['sampleSize', 'samplePopulation']
    for (const column of columns) this.require(column, position)
    const unknown = junction(
      'and',
      columns.map((column) => ({ type: 'compare', column, operator: '=', value: 0 })),
    )
    if (this.takes('unknown')) return unknown
    if (this.takes('known')) return { type: 'not', term: unknown }
    throw this.unexpected('known or unknown')
  }

  private require(column: string, position: number): void {
    if (!this.types.has(column)) throw filterError(position, `rows with a column ${column}`, 'rows without')
  }

  /** The columns of the given ends (0 source, 1 destination), which the rows must have. */
  private endColumns(position: number, word: string, ends: readonly number[]): string[] {
    const columns = ends.map((end) => ENDPOINTS[word]![end]!)
    for (const column of columns) this.require(column, position)
    return columns
  }

  /** `host`, `net`, `port`, `portrange`, `as` with their value; after `src` or `dst` also an address or prefix alone. */
  private parseEndpoint(position: number, ends: readonly number[]): Filter {
    const { kind, text } = this.token
    const isWord = kind === 'word' && Object.hasOwn(ENDPOINTS, text)
    if (!isWord && !/[.:]/.test(text)) throw this.unexpected('host, net, port, portrange, as or an address')
    const word = isWord ? text : 'net'
    const columns = this.endColumns(position, word, ends)
    if (isWord) this.next++
    if (word === 'portrange') return this.parseRange(columns)
    const type = this.types.get(columns[0]!)!
    if (this.takes('in')) return this.eitherIn(columns, this.parseList(columns[0]!, type))
    const value = this.parseValue(columns[0]!, type)
    return junction(
      'or',
      columns.map((column) => equals(column, value)),
    )
  }

  private parseRange(columns: readonly string[]): Filter {
    const token = this.take()
    const [low, high, ...rest] = token.text.split('-').map((text) => (/^\d+$/.test(text) ? Number(text) : Number.NaN))
    if (low === undefined || high === undefined || rest.length > 0 || !(low <= high && high <= 65_535)) {
      throw filterError(token.position, 'a range of ports such as 8000-8999', describeToken(token))
    }
    const between = (column: string): Filter =>
      junction('and', [
        { type: 'compare', column, operator: '>=', value: low },
        { type: 'compare', column, operator: '<=', value: high },
      ])
    return junction('or', columns.map(between))
  }

  private parseColumnTest(column: string, type: ColumnType): Filter {
    const { kind, text, position } = this.token
    if (kind === 'symbol' && Object.hasOwn(OPERATORS, text)) {
      this.next++
      return this.parseComparison(column, type, OPERATORS[text]!, position)
    }
    if (this.takes('in')) return { type: 'in', column, values: this.parseList(column, type) }
    if (kind === 'word' && text.toLowerCase() === 'not' && this.tokens[this.next + 1]?.text.toLowerCase() === 'in') {
      this.next += 2
      return { type: 'not', term: { type: 'in', column, values: this.parseList(column, type) } }
    }
    if (this.takes('present')) return { type: 'present', column }
    if (this.takes('absent')) return { type: 'not', term: { type: 'present', column } }
    const flags = kind === 'word' ? this.flagTest(column, text) : undefined
    if (flags) {
      this.next++
      return flags
    }
    if (kind !== 'word' && kind !== 'quoted') throw this.unexpected(`an operator or a value for ${column}`)
    return equals(column, this.parseValue(column, type))
  }

  /** `tcpFlags SA`, or `flags SA` for short; `flags reverse`. */
  private flagTest(column: string, text: string): Filter | undefined {
    if (column === 'flags') {
      const noted = notedFlagMask(text)
      if (noted !== undefined) return { type: 'has', column, mask: noted }
    }
    const mask = column === 'tcpFlags' || column === 'flags' ? tcpFlagMask(text) : undefined
    return mask !== undefined && this.types.has('tcpFlags') ? { type: 'has', column: 'tcpFlags', mask } : undefined
  }

  private parseComparison(column: string, type: ColumnType, operator: Operator, position: number): Filter {
    if (UNORDERED.has(type) && operator !== '=' && operator !== '!=') {
      throw filterError(position, `=, != or in for ${column}`, JSON.stringify(operator))
    }
    const token = this.token
    const value = this.parseValue(column, type)
    if (operator === '=') return equals(column, value)
    if (type === 'address' && isPrefix(value)) {
      throw filterError(
        token.position,
        `an address for ${column} !=`,
        `${describeToken(token)}`,
        `not ${column} in [${value}]`,
      )
    }
    return { type: 'compare', column, operator, value }
  }

  private parseValue(column: string, type: ColumnType): Literal {
    return parseLiteral(this.take(), column, type)
  }

  private parseList(column: string, type: ColumnType): Literal[] {
    if (!this.takes('[')) throw this.unexpected('[')
    const values = [this.parseValue(column, type)]
    while (this.takes(',')) values.push(this.parseValue(column, type))
    if (!this.takes(']')) throw this.unexpected(', or ]')
    return values
  }
}

/** An address column equals a prefix when the address lies in it; a prefix column equals it alone. */
function equals(column: string, value: Literal): Filter {
  return { type: 'compare', column, operator: '=', value }
}

export function isPrefix(value: Literal): boolean {
  return typeof value === 'string' && value.includes('/')
}
