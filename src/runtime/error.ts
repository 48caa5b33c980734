import { ComponentError } from '../flow/component-error.ts'

export type RuntimeErrorCode =
  | 'bad-program'
  | 'bad-plan'
  | 'bad-option'
  | 'bad-value'
  | 'overflow'
  | 'corrupt-run-file'
  | 'missing-run-file'
  | 'task-failed'
  | 'worker-exited'
  | 'out-of-memory'
  | 'worker-terminated'
  | 'timed-out'
  | 'fenced'
  | 'superseded'
  | 'bad-records'
  | 'not-conserved'
  | 'not-found'
  | 'lease-held'
  | 'lease-lost'
  | 'interrupted'

/** What went wrong in a run. `corrupt-run-file`, `missing-run-file`, `fenced` and the kinds of worker failure are branched on. */
export class RuntimeError extends ComponentError<RuntimeErrorCode> {}
