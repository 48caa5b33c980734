import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { parseAddress } from '../flow/address.ts'
import { COLUMN_TYPES } from '../flow/column.ts'
import { suggest } from '../flow/nearest.ts'
import { parsePrefix } from '../flow/prefix.ts'
import type { AggregateFunction } from '../vocabulary/aggregate.ts'
import type { Config } from '../vocabulary/config.ts'
import { JobError, problemsError } from '../vocabulary/error.ts'
import { isJob } from '../vocabulary/job.ts'
import type { JobBundle } from './bundle/bundle.ts'
import { bundleJob } from './bundle/bundle.ts'
import type { LoadedBundle } from './bundle/load.ts'
import { loadBundle } from './bundle/load.ts'
import { checkDefinition } from './compile/fold.ts'

/** Names of a configuration file, in the order in which they are looked for. */
const FILES = ['jobs.config.ts', 'jobs.config.mts', 'jobs.config.js', 'jobs.config.mjs'] as const

/** The configuration of an installation, checked; empty when there is no file. */
export interface LoadedConfig {
  readonly config: Config
  /** Folder that paths in the configuration are relative to: that of the file, else the working folder. */
  readonly folder: string
  /** What it was loaded from; undefined when there is no file. */
  readonly file: { readonly path: string; readonly bundle: JobBundle; readonly loaded: LoadedBundle } | undefined
}

/** The configuration file found upward from a folder, or undefined. */
export function findConfig(from = process.cwd()): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const name = FILES.find((file) => existsSync(join(folder, file)))
    if (name) return join(folder, name)
    if (folder === dirname(folder)) return undefined
  }
}

/** Loads the configuration in `path`, or the one found upward from the working folder. Lists everything wrong with it at once. */
export async function loadConfig(path = findConfig()): Promise<LoadedConfig> {
  if (path === undefined) return { config: {}, folder: process.cwd(), file: undefined }
  const bundle = await bundleJob(path)
  const loaded = await loadBundle(bundle.path, path)
  if (!loaded.config)
    throw new JobError(
      'bad-config',
      `config ${path}: expected \`export default defineConfig({ ... })\`, got no configuration`,
    )
  const problems = checkConfig(loaded.config)
  if (problems.length > 0) throw problemsError('bad-config', `config ${path}`, problems)
  return { config: loaded.config, folder: dirname(bundle.source), file: { path: bundle.source, bundle, loaded } }
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]*$/
/** A user's element cannot be a prefix: no element carries one. */
const ELEMENT_TYPES = COLUMN_TYPES.filter((type) => type !== 'prefix')

const functionOf = (what: string) =>
  z.custom<unknown>((value) => typeof value === 'function', { message: `expected ${what}` })

const named = <T extends z.ZodType>(value: T) =>
  z.record(z.string().regex(NAME, { message: 'expected a name of letters, digits, dashes and underscores' }), value)

const lookupSource = () =>
  z.union(
    [z.strictObject({ file: z.string().min(1) }), z.strictObject({ rows: functionOf('a function that gives rows') })],
    {
      error: 'expected { file } or { rows }',
    },
  )

const element = () =>
  z.union(
    [
      z.string().regex(NAME),
      z.strictObject({
        name: z.string().regex(NAME),
        enterprise: z.number().int().positive().optional(),
        id: z.number().int().min(1).max(32_767),
        type: z.enum(ELEMENT_TYPES),
      }),
    ],
    { error: 'expected the name of an element, or { name, id, enterprise, type }' },
  )

/** What a configuration may hold; `Config` says the same to TypeScript. */
const makeSchema = () =>
  z.strictObject({
    store: z.string().min(1).optional(),
    jobs: z.array(z.custom<unknown>(isJob, { message: 'expected what defineJob returns' })).optional(),
    elements: z.array(element()).optional(),
    sampling: z.record(z.string(), z.number().int().positive()).optional(),
    ingest: z
      .strictObject({
        allow: z.array(z.string()).optional(),
        expect: z.array(z.string()).optional(),
        dropDuplicates: z.boolean().optional(),
        budgets: z.record(z.string(), z.number().nonnegative()).optional(),
      })
      .optional(),
    lookups: named(lookupSource()).optional(),
    aggregates: z
      .array(z.custom<AggregateFunction>(isAggregateFunction, { message: 'expected what defineAggregate returns' }))
      .optional(),
    formats: named(z.looseObject({ recognise: functionOf('a function'), flows: functionOf('a function') })).optional(),
    writers: named(z.looseObject({ start: functionOf('a function') })).optional(),
    stores: named(functionOf('a function that opens a store')).optional(),
  })

let made: ReturnType<typeof makeSchema> | undefined

/** Made where there is a configuration to check: without one it would take as long as opening a store. */
const schema = (): ReturnType<typeof makeSchema> => {
  made ??= makeSchema()
  return made
}

function isAggregateFunction(value: unknown): value is AggregateFunction {
  return typeof value === 'function' && 'definition' in value
}

/** Everything wrong with a configuration. */
export function checkConfig(config: Config): string[] {
  const result = schema().safeParse(config, { jitless: true })
  const problems = result.success ? [] : result.error.issues.flatMap(issueLines)
  problems.push(...addressProblems(config))
  for (const aggregate of Array.isArray(config.aggregates) ? config.aggregates : [])
    if (isAggregateFunction(aggregate)) checkDefinition(aggregate.definition, 'aggregates', problems)
  problems.push(
    ...repeated(
      'jobs',
      config.jobs?.filter(isJob).map(({ name }) => name),
    ),
  )
  problems.push(
    ...repeated(
      'aggregates',
      config.aggregates?.filter(isAggregateFunction).map(({ definition }) => definition.name),
    ),
  )
  return problems
}

function addressProblems({ sampling, ingest }: Config): string[] {
  return [
    ...unparsed(parsePrefix, Object.keys(sampling ?? {}), 'sampling', 'an address or prefix'),
    ...unparsed(parsePrefix, ingest?.allow, 'ingest.allow', 'an address or prefix'),
    ...unparsed(parseAddress, ingest?.expect, 'ingest.expect', 'an address'),
  ]
}

/** The texts that `parse` refuses. What is no list of texts has been named already. */
function unparsed(parse: (text: string) => unknown, texts: unknown, where: string, expected: string): string[] {
  const list = Array.isArray(texts) ? texts.filter((text) => typeof text === 'string') : []
  return list.flatMap((text) => {
    try {
      parse(text)
      return []
    } catch {
      return `${where} ${text}: expected ${expected}`
    }
  })
}

function issueLines(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(
      (key) => `${path ? `${path}.` : ''}${key}: unknown${path ? '' : suggest(key, Object.keys(schema().shape))}`,
    )
  const message = issue.message.charAt(0).toLowerCase() + issue.message.slice(1)
  return [path ? `${path}: ${message}` : message]
}

function repeated(where: string, names: readonly string[] = []): string[] {
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  return [...twice].map((name) => `${where}: expected different names, got '${name}' twice`)
}
