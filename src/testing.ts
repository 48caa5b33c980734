/** The test kit, `flowreduce/testing`: runs jobs on flows in memory, and checks the laws that combiners and aggregates must obey. */
export type { CombinerOptions } from './testing/check-combiner.ts'
export { checkCombiner } from './testing/check-combiner.ts'
export type { TestFlow } from './testing/flow-rows.ts'
export type { TestJobOptions, TestResult, TestRow } from './testing/test-job.ts'
export { testJob } from './testing/test-job.ts'
