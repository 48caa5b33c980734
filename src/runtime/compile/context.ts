import type { AddressTable } from '../../vocabulary/address-table.ts'
import type { JobErrorCode } from '../../vocabulary/error.ts'
import { JobError } from '../../vocabulary/error.ts'
import type { JobContext } from '../../vocabulary/job-types.ts'
import type { SourcePlace } from '../bundle/trace.ts'
import type { TaskContext } from '../program.ts'
import { serializeError } from '../task/error-json.ts'

/** What the compiled functions of a job share. */
export interface JobScope {
  readonly name: string
  readonly params: object
  readonly addresses: AddressTable
  readonly addressBudget: number | undefined
  locate(error: unknown): SourcePlace | undefined
}

/** What user code is given as its last argument; `addTo` adds to a counter of the attempt. */
export function userContext(scope: JobScope, addTo: TaskContext['count']): JobContext<object> {
  return Object.freeze({
    params: scope.params,
    count(name: string, by = 1): void {
      if (typeof name !== 'string' || !Number.isSafeInteger(by))
        throw new JobError(
          'bad-value',
          `job ${scope.name}: count expected a name and a whole number, got ${String(name)} and ${String(by)}`,
        )
      addTo(name, by)
    },
  })
}

/** An error that user code threw, or that it caused by a wrong call, with the place in the user's file. Whatever was thrown, this does not throw. */
export function userError(scope: JobScope, what: string, error: unknown): JobError {
  const { code, found } = look(scope, error)
  const place = found?.place
  const where = place === undefined ? '' : ` at ${place}`
  const details = { job: scope.name, ...(place === undefined ? {} : { place }) }
  const located = new JobError(
    code,
    `job ${scope.name}: ${what}${where}: ${serializeError(error).message}`,
    details,
    error,
  )
  if (found) located.stack = found.stack
  return located
}

function look(
  scope: JobScope,
  error: unknown,
): { readonly code: JobErrorCode; readonly found: SourcePlace | undefined } {
  try {
    return { code: error instanceof JobError ? error.code : 'user-code', found: scope.locate(error) }
  } catch {
    return { code: 'user-code', found: undefined }
  }
}
