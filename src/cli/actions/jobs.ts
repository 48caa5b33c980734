import { z } from 'zod'
import { propertyLines } from '../../report/lines.ts'
import { tableLines } from '../../report/table.ts'
import { compileJob } from '../../runtime/compile/compile.ts'
import type { OptionsOf } from '../command.ts'
import type { jobsOptions } from '../commands/jobs.ts'
import { type ChosenJob, chooseJob, knownJobs } from '../job.ts'
import { printReport } from '../print.ts'
import { configOf } from '../settings.ts'

export async function jobsAction(
  args: OptionsOf<typeof jobsOptions> & { job: string | undefined },
): Promise<undefined> {
  const config = await configOf(args)
  if (args.job !== undefined) return describeJob(args, await chooseJob(args.job, config))
  const jobs = (await knownJobs(config)).map((job) => ({
    job: job.definition.name,
    description: job.definition.spec.description,
    parameters: parametersOf(job),
    file: job.file,
  }))
  await printReport(args, jobs, () =>
    tableLines({
      columns: ['job', 'description', 'parameters', 'file'].map((name) => ({ name, type: 'text' })),
      rows: jobs.map(({ job, description, parameters, file }) => [
        job,
        description,
        parameters.map(setting).join(' '),
        file,
      ]),
    }),
  )
}

interface Parameter {
  readonly name: string
  /** JSON Schema of what it may be. */
  readonly schema: { readonly [keyword: string]: unknown }
  readonly default: unknown
}

/** A parameter as `--set` takes it, with its default. */
const setting = ({ name, default: value }: Parameter): string => `${name}=${textOf(value)}`

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '...' : JSON.stringify(value)

function parametersOf({ definition }: ChosenJob): Parameter[] {
  const { params } = definition.spec
  if (!(params instanceof z.core.$ZodType)) return []
  const { properties = {} } = z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' })
  return Object.entries(properties).map(([name, property]) => {
    const { default: value, ...schema } = typeof property === 'object' ? property : {}
    return { name, schema, default: value }
  })
}

async function describeJob(args: { readonly format: string }, job: ChosenJob): Promise<undefined> {
  const { name, spec } = job.definition
  const parameters = parametersOf(job)
  const { stages } = compileJob(job.definition, {}, { locate: job.loaded.locate, sample: job.loaded.sample })
  const program = stages.at(-1)?.program
  const columns = (program?.output ?? []).map((column) => ({ name: column.name, type: column.type }))
  const reads = program?.reads ?? []
  const json = {
    job: name,
    description: spec.description,
    file: job.file,
    stages: stages.length,
    parameters,
    reads,
    columns,
  }
  await printReport(args, json, () => [
    ...propertyLines([
      ['job', name],
      ['description', spec.description],
      ['file', job.file],
      ['reads', reads.join(', ')],
      ['columns', columns.map((column) => `${column.name} (${column.type})`).join(', ')],
      ...parameters.map((parameter): [string, string] => ['parameter', `${setting(parameter)}  ${allowed(parameter)}`]),
    ]),
  ])
  return undefined
}

/** What a parameter may be, in a few words. */
function allowed({ schema }: Parameter): string {
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.join(', ')}`
  const { minimum, maximum, type } = schema
  if (typeof minimum === 'number' && typeof maximum === 'number') return `${String(type)}, ${minimum} to ${maximum}`
  return typeof type === 'string' ? type : ''
}
