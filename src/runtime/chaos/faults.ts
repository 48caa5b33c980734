/** What can be made to go wrong in a run on purpose. */
export const FAULTS = ['kill-worker', 'slow-task', 'fail-store', 'duplicate-attempt', 'corrupt-run-file'] as const

export type Fault = (typeof FAULTS)[number]
