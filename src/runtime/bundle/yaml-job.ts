import { basename } from 'node:path'
import { LineCounter, parseAllDocuments } from 'yaml'
import { suggest } from '../../flow/nearest.ts'
import { problemsError } from '../../vocabulary/error.ts'

const KEYS = [
  'name',
  'description',
  'params',
  'input',
  'where',
  'time',
  'groupBy',
  'aggregate',
  'sort',
  'limit',
] as const
const EXPRESSIONS = ['prefix', 'timeBin', 'lookup']
const AGGREGATES = ['sum', 'count', 'min', 'max', 'distinct', 'quantile', 'top']

const CALL = /^([A-Za-z_]\w*)\s*\((.*)\)$/s
const NUMBER = /^-?\d+(?:\.\d+)?$/
const PARAMETER = /\$\{\s*([A-Za-z_]\w*)\s*\}/g
const ONE_PARAMETER = /^\$\{\s*([A-Za-z_]\w*)\s*\}$/

export interface YamlOptions {
  readonly path: string
  /** The configuration file, whose aggregates a job may name. */
  readonly config: string | undefined
}

/**
 * The JavaScript module that declarative jobs in YAML stand for, one per document: the same keys as in TypeScript, with calls as text
 * (`sum(bytes)`, `prefix(dstAddr, 24, 64)`, `timeBin(5m, Europe/Berlin)`) and parameters by their defaults, used as `${name}`.
 */
export function yamlModule(text: string, { path, config }: YamlOptions): string {
  const lines = new LineCounter()
  const documents = [...parseAllDocuments(text, { lineCounter: lines })]
  const problems = documents.flatMap(({ errors }) =>
    errors.map(({ pos, message }) => `line ${lines.linePos(pos[0]).line}: ${message.split('\n')[0]}`),
  )
  const jobs =
    problems.length > 0
      ? []
      : documents.map((document) => new YamlJob(document.toJS(), problems, config !== undefined).source())
  if (jobs.length === 0 && problems.length === 0) problems.push('expected a job, got nothing')
  if (problems.length > 0) throw problemsError('bad-definition', `job file ${basename(path)}`, problems)
  return [
    `import * as flow from 'flowreduce'`,
    `import { z } from 'zod'`,
    ...(config === undefined ? [] : [`import config from ${JSON.stringify(config)}`, CUSTOM]),
    ...jobs.map((job, index) => `export const job${index} = ${job}`),
    '',
  ].join('\n')
}

/** Finds an aggregate of the configuration by name. */
const CUSTOM = `const custom = (name) => {
  const found = (config.config.aggregates ?? []).find((one) => one.definition.name === name)
  if (!found) throw new Error('expected an aggregate that is built in or in the configuration, got ' + name)
  return found
}`

type Parsed = { readonly [key: string]: unknown }

/** One document on its way to source text. */
class YamlJob {
  readonly #job: Parsed
  readonly #problems: string[]
  readonly #hasConfig: boolean

  constructor(job: unknown, problems: string[], hasConfig: boolean) {
    this.#job = isMapping(job) ? job : {}
    this.#problems = problems
    this.#hasConfig = hasConfig
    if (!isMapping(job)) problems.push('expected a job as keys and values, got something else')
    for (const key of Object.keys(this.#job))
      if (!(KEYS as readonly string[]).includes(key))
        problems.push(`${key}: unknown in a job in YAML${suggest(key, KEYS)}`)
  }

  source(): string {
    const { name, description = '', params, input, where, time, groupBy, aggregate, sort, limit } = this.#job
    const parts = [
      `name: ${JSON.stringify(name)}`,
      `description: ${JSON.stringify(description)}`,
      `params: z.object({ ${this.#entries('params', params, (value, key) => this.#schema(value, key))} })`,
      ...(input === undefined ? [] : [`input: ${JSON.stringify(input)}`]),
      ...(where === undefined ? [] : [`where: ({ params }) => ${this.#text(String(where))}`]),
      ...(time === undefined ? [] : [`time: ${JSON.stringify(time)}`]),
      ...(groupBy === undefined
        ? []
        : [
            `groupBy: ({ params }) => ({ ${this.#entries('groupBy', groupBy, (value, key) => this.#expression(value, `groupBy ${key}`, EXPRESSIONS))} })`,
          ]),
      ...(aggregate === undefined
        ? []
        : [
            `aggregate: ({ params }) => ({ ${this.#entries('aggregate', aggregate, (value, key) => this.#expression(value, `aggregate ${key}`, AGGREGATES))} })`,
          ]),
      ...(sort === undefined
        ? []
        : [`sort: ({ params }) => ({ ${this.#entries('sort', sort, (value) => this.#text(String(value)))} })`]),
      ...(limit === undefined ? [] : [`limit: ({ params }) => Number(${this.#text(String(limit))})`]),
    ]
    return `flow.defineJob({ ${parts.join(', ')} })`
  }

  #entries(where: string, mapping: unknown, write: (value: unknown, key: string) => string): string {
    if (mapping === undefined || mapping === null) return ''
    if (isMapping(mapping))
      return Object.entries(mapping)
        .map(([key, value]) => `${JSON.stringify(key)}: ${write(value, key)}`)
        .join(', ')
    this.#problems.push(`${where}: expected names and values, got ${JSON.stringify(mapping)}`)
    return ''
  }

  /** The schema of a parameter: a default, or `{ default, enum, min, max }`. */
  #schema(value: unknown, name: string): string {
    const { default: fallback, enum: choices, min, max, ...rest } = isMapping(value) ? value : { default: value }
    for (const key of Object.keys(rest))
      this.#problems.push(`parameter ${name}: ${key}: unknown${suggest(key, ['default', 'enum', 'min', 'max'])}`)
    const optional = fallback === undefined ? '' : `.default(${JSON.stringify(fallback)})`
    if (Array.isArray(choices)) return `z.enum(${JSON.stringify(choices.map(String))})${optional}`
    if (typeof fallback === 'boolean') return `z.boolean()${optional}`
    if (typeof fallback !== 'number' && min === undefined && max === undefined) return `z.string()${optional}`
    const bounds = [typeof min === 'number' ? `.min(${min})` : '', typeof max === 'number' ? `.max(${max})` : ''].join(
      '',
    )
    return `z.number()${bounds}${optional}`
  }

  /** A column, or a call. */
  #expression(value: unknown, where: string, known: readonly string[]): string {
    const text = String(value).trim()
    const call = CALL.exec(text)
    if (!call) {
      if (known === EXPRESSIONS) return this.#text(text)
      if (text === 'count') return 'flow.count()'
      this.#problems.push(`${where}: expected an aggregate such as sum(bytes), got '${text}'`)
      return 'undefined'
    }
    const [, name = '', list = ''] = call
    const values = list.trim() === '' ? [] : list.split(',').map((argument) => argument.trim())
    if (name === 'timeBin') return this.#timeBin(values, where)
    const callee = known.includes(name) ? `flow.${name}` : this.#custom(name, where, known)
    return `${callee}(${values.map((argument) => this.#argument(argument)).join(', ')})`
  }

  /** `timeBin(size, zone, column)`. */
  #timeBin(values: readonly string[], where: string): string {
    const [size, zone, column] = values.map((argument) => this.#argument(argument))
    if (size === undefined || values.length > 3)
      this.#problems.push(`${where}: timeBin expected (size, zone, column), got ${values.length} values`)
    const options = [zone === undefined ? '' : `zone: ${zone}`, column === undefined ? '' : `column: ${column}`].filter(
      Boolean,
    )
    return `flow.timeBin(${size}, { ${options.join(', ')} })`
  }

  #custom(name: string, where: string, known: readonly string[]): string {
    if (known === AGGREGATES && this.#hasConfig) return `custom(${JSON.stringify(name)})`
    this.#problems.push(`${where}: unknown function '${name}'${suggest(name, known)}`)
    return 'undefined'
  }

  #argument(argument: string): string {
    const parameter = ONE_PARAMETER.exec(argument)
    if (parameter) return this.#parameter(parameter[1]!)
    if (NUMBER.test(argument)) return argument
    return this.#text(argument.replace(/^(['"])(.*)\1$/, '$2'))
  }

  /** Text with parameters in it. */
  #text(text: string): string {
    const parts: string[] = []
    let at = 0
    for (const match of text.matchAll(PARAMETER)) {
      parts.push(JSON.stringify(text.slice(at, match.index)), this.#parameter(match[1]!))
      at = match.index + match[0].length
    }
    return [...parts, JSON.stringify(text.slice(at))].join(' + ')
  }

  #parameter(name: string): string {
    const { params } = this.#job
    const names = isMapping(params) ? Object.keys(params) : []
    if (!names.includes(name))
      this.#problems.push(`expected a parameter of the job, got \${${name}}${suggest(name, names)}`)
    return `params.${name}`
  }
}

function isMapping(value: unknown): value is Parsed {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
