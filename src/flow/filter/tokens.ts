import { FlowError } from '../errors.ts'

/** A piece of filter text. `word` is a name, number, address, time or anything else without spaces; `end` stands after the last piece. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'symbol' | 'end'
  /** What it says; for `quoted` without the quotes. */
  readonly text: string
  /** Where it begins, from 1. */
  readonly position: number
}

const TOKEN = /\s*(?:([A-Za-z0-9_.:/+-]+)|("(?:[^"\\]|\\.)*")|(==|!=|<=|>=|&&|\|\||[=<>()[\],!]))/y
const SPACES = /\s*$/y

/** Cuts filter text into tokens, the last of kind `end`. Throws `bad-filter` at a character that begins none. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (;;) {
    const at = TOKEN.lastIndex
    SPACES.lastIndex = at
    if (SPACES.test(text)) return [...tokens, { kind: 'end', text: '', position: text.length + 1 }]
    const match = TOKEN.exec(text)
    if (!match) {
      const position = at + text.slice(at).search(/\S/) + 1
      throw filterError(position, 'a name, a value or an operator', JSON.stringify(text[position - 1]))
    }
    const [, word, quoted, symbol] = match
    const token = word ?? quoted ?? symbol ?? ''
    const position = TOKEN.lastIndex - token.length + 1
    if (quoted !== undefined) tokens.push({ kind: 'quoted', text: unquote(quoted, position), position })
    else tokens.push({ kind: word === undefined ? 'symbol' : 'word', text: token, position })
  }
}

function unquote(text: string, position: number): string {
  try {
    return JSON.parse(text) as string
  } catch {
    throw filterError(position, 'text in quotes as in JSON', text)
  }
}

/** The error of a filter: where it is, what would have been right there, what stands there, and perhaps what was meant. */
export function filterError(position: number, expected: string, got: string, hint?: string): FlowError {
  const suffix = hint === undefined ? '' : ` (did you mean ${hint}?)`
  return new FlowError(
    'bad-filter',
    `flow: filter at character ${position} expected ${expected}, got ${got}${suffix}`,
    {
      position,
    },
  )
}

/** A token as it is named in an error. */
export function describeToken({ kind, text }: Token): string {
  return kind === 'end' ? 'the end' : JSON.stringify(text)
}
