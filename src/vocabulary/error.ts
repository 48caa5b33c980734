import { ComponentError } from '../flow/component-error.ts'

export type JobErrorCode =
  | 'bad-definition'
  | 'bad-params'
  | 'bad-config'
  | 'bad-bundle'
  | 'bad-lookup'
  | 'bad-address'
  | 'bad-value'
  | 'unread-field'
  | 'bad-emit'
  | 'address-budget'
  | 'user-code'

/** What is wrong with a job, its parameters, the configuration, or a value that user code made. */
export class JobError extends ComponentError<JobErrorCode> {}

/** An error that lists everything wrong at once: one line per problem, below one line that names the culprit. */
export function problemsError(code: JobErrorCode, subject: string, problems: readonly string[]): JobError {
  const only = problems.length === 1 ? problems[0] : undefined
  return new JobError(
    code,
    only ? `${subject}: ${only}` : `${subject}: ${problems.length} problems\n  ${problems.join('\n  ')}`,
    {
      problems: problems.length,
    },
  )
}
