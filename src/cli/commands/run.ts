import { FAULTS } from '../../runtime/chaos/faults.ts'
import { defineCommand, type OptionTable } from '../command.ts'
import {
  logOptions,
  periodOptions,
  reportFormatOptions,
  rowFormatOptions,
  snapshotOptions,
  storeOptions,
  topOptions,
  whereOptions,
} from './options.ts'

/** What is computed, and over what. */
const requestOptions = {
  set: { type: 'string', array: true, describe: 'Parameter of the job, NAME=VALUE; repeatable' },
  ...periodOptions,
  ...whereOptions,
  ...storeOptions,
  ...snapshotOptions,
  partitions: { type: 'number', describe: 'Reduce tasks of each stage; default: by estimate' },
  'split-size': {
    type: 'string',
    describe: 'Bytes of blocks that one map task reads; default: so that every worker has several',
  },
} as const satisfies OptionTable

/** What a run may use of the machine: a plan depends on it, a result does not. */
const resourceOptions = {
  workers: { type: 'number', describe: 'Worker threads; default: one per core, fewer where there is little memory' },
  memory: {
    type: 'string',
    describe: 'Bound on the memory of the whole process, at least 160MB; default: a quarter of the machine',
  },
} as const satisfies OptionTable

/** How the work is done; none of it shows in the result. */
export const executionOptions = {
  ...resourceOptions,
  runner: { choices: ['local', 'inline'], default: 'local', describe: 'Worker threads, or this thread' },
  scratch: {
    type: 'string',
    describe: 'Folder for run files and spills; default: one in the folder for temporary files',
  },
  attempts: { type: 'number', default: 4, describe: 'Failed attempts of a task that fail the run' },
  'task-timeout': { type: 'string', default: '1h', describe: 'An attempt that takes longer is stopped' },
  slots: {
    type: 'number',
    describe: 'Attempts that all runs of yours on this machine may run at a time; default: one per core',
  },
  priority: { type: 'number', default: 0, describe: 'Runs with a higher one get free slots first' },
  chaos: {
    type: 'string',
    describe: `Make things go wrong, each with a probability per attempt: ${FAULTS.map((fault) => `${fault}=P`).join(',')}; the result stays the same`,
  },
  seed: { type: 'number', default: 1, describe: 'Decides which attempts --chaos hits' },
} as const satisfies OptionTable

export const runOptions = {
  ...requestOptions,
  ...executionOptions,
  'on-corrupt': {
    choices: ['fail', 'skip'],
    default: 'fail',
    describe: 'What a damaged or missing part of a block does; skipped flows are counted in the coverage',
  },
  'max-bad-records': {
    type: 'string',
    default: '0',
    describe: 'Records whose map may throw: a number, or a share such as 0.1%',
  },
  'dry-run': { type: 'boolean', describe: 'Only say what would be done, as explain does' },
  ...topOptions,
  ...rowFormatOptions,
  ...logOptions,
} as const satisfies OptionTable

/** `flowreduce run`: runs a job over a store, or over captures. */
export const runCommand = defineCommand({
  usage: 'run <job> [files..]',
  summary: 'Run a job over the flows of a store, or over captures, and print its result',
  details:
    'JOB is a built-in job, one of the configuration, or a file: ./my-job.ts, or ./my-jobs.ts#name. The result is committed as the dataset ' +
    'results/<job>. With FILES the captures are imported into a temporary store that is gone afterwards.',
  positionals: {
    job: { type: 'string', demandOption: true, describe: 'Job: a name, FILE or FILE#name' },
    files: { type: 'string', array: true, describe: 'Captures to run over instead of a store' },
  },
  options: runOptions,
  examples: [
    ['flowreduce run port-breakdown --store file:./store', 'Octets, packets and flows per destination port'],
    [
      'flowreduce run subnet-bytes --set prefix4=16 --where "proto tcp" --top 5 --store file:./store',
      'The five largest /16 networks for TCP',
    ],
    ['flowreduce run totals flows.pcap', 'Answer a question about a capture in one line'],
    [
      'flowreduce run bytes-per-second --set bin=1m --from 2026-01-01 --to 2026-01-02 --store file:./store --format csv',
      'A day, for a spreadsheet',
    ],
    [
      'flowreduce run port-breakdown --chaos kill-worker=0.1,fail-store=0.05 --seed 7 --store file:./store',
      'Prove that dying workers and a failing store do not change the result',
    ],
  ],
  run: async (args) => (await import('../actions/run.ts')).runAction(args),
})

export const explainOptions = {
  ...requestOptions,
  ...resourceOptions,
  ...reportFormatOptions,
  ...logOptions,
} as const satisfies OptionTable

/** `flowreduce explain`: what `run` would do. */
export const explainCommand = defineCommand({
  usage: 'explain <job>',
  summary: 'Say what running a job would read and do, before anything is read',
  positionals: { job: { type: 'string', demandOption: true, describe: 'Job: a name, FILE or FILE#name' } },
  options: explainOptions,
  examples: [
    ['flowreduce explain port-breakdown --store file:./store --from 24h', 'Splits, columns, pruning, estimates'],
    ['flowreduce explain bytes-per-second --memory 256MB --store file:./store', 'The same within little memory'],
  ],
  run: async (args) => (await import('../actions/explain.ts')).explainAction(args),
})
