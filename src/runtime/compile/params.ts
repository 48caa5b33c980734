import { suggest } from '../../flow/nearest.ts'
import type { JobDefinition } from '../../vocabulary/job.ts'
import type { ParamsSchema } from '../../vocabulary/job-types.ts'

type Schemas = { readonly [name: string]: ParamsSchema }

/** The schemas of the single parameters, when the schema is an object schema as zod makes them. */
function shapeOf(schema: ParamsSchema | undefined): Schemas | undefined {
  if (schema === undefined) return {}
  const shape = 'shape' in schema ? schema.shape : undefined
  return typeof shape === 'object' && shape !== null ? (shape as Schemas) : undefined
}

/** Names of the parameters of a job. */
export function paramNames(job: JobDefinition): readonly string[] {
  return Object.keys(shapeOf(job.spec.params) ?? {})
}

/**
 * The input of a job's parameters from `--set name=value`: each value is tried as text, then as JSON. What fits neither stays text, for
 * `parseParams` to report.
 */
export function paramsFromText(
  job: JobDefinition,
  settings: { readonly [name: string]: string },
): { [name: string]: unknown } {
  const shape = shapeOf(job.spec.params)
  return Object.fromEntries(
    Object.entries(settings).map(([name, text]) => {
      const schema = shape?.[name]
      if (!schema || schema.safeParse(text).success) return [name, text]
      const json = parseJson(text)
      return [name, json !== undefined && schema.safeParse(json).success ? json : text]
    }),
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The parameters of a run, checked and completed with their defaults; undefined when there are problems, which are added to `problems`. */
export function parseParams(job: JobDefinition, input: object, problems: string[]): object | undefined {
  const schema = job.spec.params
  const known = shapeOf(schema)
  const before = problems.length
  for (const name of Object.keys(input)) {
    if (known && !Object.hasOwn(known, name))
      problems.push(
        `parameter ${name}: unknown${known && Object.keys(known).length > 0 ? suggest(name, Object.keys(known)) : ', the job has none'}`,
      )
  }
  if (schema === undefined) return problems.length > before ? undefined : {}
  const result = schema.safeParse(input, { jitless: true }) // once in a thread: not worth generated code
  if (!result.success) {
    for (const { path, message } of result.error.issues)
      problems.push(path.length > 0 ? `parameter ${path.join('.')}: ${lowerFirst(message)}` : lowerFirst(message))
  }
  return result.success && problems.length === before ? Object.freeze(result.data) : undefined
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
