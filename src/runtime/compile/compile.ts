import { FLOW_COLUMNS } from '../../flow/batch.ts'
import type { ColumnSpec } from '../../flow/column.ts'
import { JobError, problemsError } from '../../vocabulary/error.ts'
import type { JobDefinition } from '../../vocabulary/job.ts'
import { isJob } from '../../vocabulary/job.ts'
import type { SourcePlace } from '../bundle/trace.ts'
import { locateInFiles } from '../bundle/trace.ts'
import type { LookupTable } from '../lookup/table.ts'
import type { CompiledJob, CompiledStage, StageInput } from '../program.ts'
import { show } from './check.ts'
import type { StageRequest } from './stage.ts'
import { compileStage } from './stage.ts'

/** What a job is compiled with, beside its parameters. */
export interface CompileOptions {
  /** Columns of the datasets that the job may read, by name; `flows` has the columns of a flow unless given. */
  readonly datasets?: { readonly [dataset: string]: readonly ColumnSpec[] }
  readonly lookups?: ReadonlyMap<string, LookupTable>
  /** A further filter on what the job reads from datasets (`--where`), beside the job's own. */
  readonly where?: string
  /** How many IPv6 addresses one batch of `map` or one group of `reduce` may hold. */
  readonly addressBudget?: number
  /** Finds the place in the user's file that an error comes from; `LoadedBundle.locate`, or unless given the first frame of its stack outside flowreduce. */
  locate?(error: unknown): SourcePlace | undefined
  /** The job of the same name in a second copy of the bundle's code; `LoadedBundle.sample`. */
  sample?(job: JobDefinition): JobDefinition | undefined
}

/**
 * Compiles a job and the jobs it takes its input from. `params` is the input of its schema. Throws one `JobError` that lists everything wrong
 * with the definitions and the parameters.
 */
export function compileJob(job: JobDefinition, params: object = {}, options: CompileOptions = {}): CompiledJob {
  if (!isJob(job)) throw new JobError('bad-definition', `job: expected what defineJob returns, got ${show(job)}`)
  const stages: CompiledStage[] = []
  const problems: string[] = []
  new StageCompiler(options, stages, problems).compile(job, params)
  if (problems.length > 0) {
    const code = problems.every((problem) => problem.startsWith('parameter ')) ? 'bad-params' : 'bad-definition'
    throw problemsError(code, `job ${job.name}`, problems)
  }
  return { name: job.name, stages }
}

/** Compiles stages in the order of their inputs; a job that is reached twice with equal parameters is one stage. */
class StageCompiler {
  readonly #options: CompileOptions
  readonly #stages: CompiledStage[]
  readonly #problems: string[]
  readonly #known = new Map<string, CompiledStage | undefined>()
  readonly #open = new Set<JobDefinition>()

  constructor(options: CompileOptions, stages: CompiledStage[], problems: string[]) {
    this.#options = options
    this.#stages = stages
    this.#problems = problems
  }

  compile(job: JobDefinition, params: object): CompiledStage | undefined {
    const identity = `${job.name} ${JSON.stringify(params)}`
    if (this.#known.has(identity)) return this.#known.get(identity)
    if (this.#open.has(job))
      throw new JobError('bad-definition', `job ${job.name}: expected input from another job, got itself`)
    this.#open.add(job)
    const stage = this.#stageOf(job, params)
    this.#open.delete(job)
    this.#known.set(identity, stage)
    return stage
  }

  #stageOf(job: JobDefinition, params: object): CompiledStage | undefined {
    const own: string[] = []
    const source = this.#source(job, own)
    const { lookups = new Map(), where, addressBudget, locate, sample } = this.#options
    const request: StageRequest | undefined = source && {
      job,
      params,
      input: source.name,
      columns: source.columns,
      isInput: this.#open.size > 1,
      lookups,
      where: source.input.type === 'dataset' ? where : undefined,
      addressBudget,
      locate: (error) => (locate ? locate(error) : locateInFiles(error)),
      sample: sample?.(job),
    }
    const program = request && compileStage(request, own)
    const prefix = this.#open.size > 1 ? `input ${job.name}: ` : ''
    this.#problems.push(...own.map((problem) => prefix + problem))
    if (!program || !source) return undefined
    const stage = { id: this.#idOf(job.name), inputs: [source.input], program }
    this.#stages.push(stage)
    return stage
  }

  /** What a job reads: a dataset, or the stage of another job. */
  #source(
    job: JobDefinition,
    problems: string[],
  ): { name: string; columns: readonly ColumnSpec[]; input: StageInput } | undefined {
    const { input = 'flows' } = job.spec
    if (typeof input === 'string') {
      const columns = this.#options.datasets?.[input] ?? (input === 'flows' ? FLOW_COLUMNS : undefined)
      if (columns) return { name: input, columns, input: { type: 'dataset', dataset: input } }
      problems.push(`input: expected a dataset of the store, got ${show(input)}`)
      return undefined
    }
    const [earlier, params] = 'job' in input ? [input.job, input.params ?? {}] : [input, {}]
    if (!isJob(earlier)) {
      problems.push(`input: expected a job, { job, params } or 'results/<job>', got ${show(input)}`)
      return undefined
    }
    const stage = this.compile(earlier, params)
    return stage && { name: earlier.name, columns: stage.program.output, input: { type: 'stage', stage: stage.id } }
  }

  #idOf(name: string): string {
    const taken = this.#stages.filter(({ id }) => id === name || id.startsWith(`${name}--`)).length
    return taken === 0 ? name : `${name}--${taken + 1}`
  }
}
