/** Keys of what a run leaves in the store, and where its run files lie. Numbers are padded, so that listings are in order. */

export const RUNS_PREFIX = 'runs/'

export const runPrefix = (run: string): string => `${RUNS_PREFIX}${run}/`
export const planKey = (run: string): string => `${runPrefix(run)}plan.json`
export const bundleKey = (run: string): string => `${runPrefix(run)}job.cjs`
export const lookupKey = (run: string, hash: string): string => `${runPrefix(run)}lookup-${hash}.csv`
export const outcomeKey = (run: string): string => `${runPrefix(run)}outcome.json`
export const traceKey = (run: string): string => `${runPrefix(run)}trace.json`
export const environmentKey = (run: string): string => `${runPrefix(run)}environment.json`
/** Run files that are kept in the store. */
export const filesPrefix = (run: string): string => `${runPrefix(run)}files/`
export const journalPrefix = (run: string): string => `${runPrefix(run)}journal/`

/** The fence: whoever writes this key first has committed the task. */
export const journalKey = (run: string, stage: string, task: number, generation: number): string =>
  `${journalPrefix(run)}${stage}-${pad(task)}-${String(generation).padStart(3, '0')}.json`

/** Name of the files of one attempt. */
export const attemptName = (stage: string, task: number, epoch: number, attempt: number): string =>
  `${stage}-${pad(task)}-${epoch}-${String(attempt).padStart(3, '0')}`

const pad = (task: number): string => String(task).padStart(6, '0')

/** Command that runs one task of a run again. */
export const rerunCommand = (store: string, run: string, stage: string, task: number): string =>
  `flowreduce task --run ${run} --task ${stage}-${task} --store ${store}`

/** Command that goes on with a run. */
export const resumeCommand = (store: string, run: string): string => `flowreduce resume ${run} --store ${store}`
