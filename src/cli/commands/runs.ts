import { defineCommand, defineFamily, type OptionTable } from '../command.ts'
import { logOptions, reportFormatOptions, rowFormatOptions, storeOptions, topOptions } from './options.ts'

export const runsListOptions = { ...storeOptions, ...rowFormatOptions, ...topOptions } as const satisfies OptionTable

const list = defineCommand({
  usage: 'ls',
  summary: 'List the runs of a store, oldest first',
  options: runsListOptions,
  examples: [['flowreduce runs ls --store file:./store', 'Which runs there were, which go on, which can be resumed']],
  run: async (args) => (await import('../actions/runs.ts')).runsListAction(args),
})

export const runsShowOptions = { ...storeOptions, ...reportFormatOptions } as const satisfies OptionTable

const show = defineCommand({
  usage: 'show <run>',
  summary: 'Describe a run: job, period, stages, counters, coverage, what it left',
  positionals: { run: { type: 'string', demandOption: true, describe: 'Run' } },
  options: runsShowOptions,
  examples: [['flowreduce runs show RUN --store file:./store', 'Everything that is known of a run']],
  run: async (args) => (await import('../actions/runs.ts')).runsShowAction(args),
})

export const runsRemoveOptions = { ...storeOptions, ...logOptions } as const satisfies OptionTable

const remove = defineCommand({
  usage: 'rm <runs..>',
  summary: 'Remove what runs have left beside their results: plan, journal, counters, run files',
  positionals: { runs: { type: 'string', array: true, demandOption: true, describe: 'Runs' } },
  options: runsRemoveOptions,
  examples: [['flowreduce runs rm RUN --store file:./store', 'Forget a run; its result stays']],
  run: async (args) => (await import('../actions/runs.ts')).runsRemoveAction(args),
})

const diff = defineCommand({
  usage: 'diff <a> <b>',
  summary: 'Say in what two runs differ: code, parameters, snapshot, counters, result',
  positionals: {
    a: { type: 'string', demandOption: true, describe: 'Run' },
    b: { type: 'string', demandOption: true, describe: 'Another run' },
  },
  options: runsShowOptions,
  examples: [['flowreduce runs diff RUN OTHER --store file:./store', 'Why did the result change?']],
  run: async (args) => (await import('../actions/runs.ts')).runsDiffAction(args),
})

/** `flowreduce runs`: the history of a store's runs. */
export const runsCommand = defineFamily({
  name: 'runs',
  summary: 'Look at the runs of a store',
  commands: [list, show, remove, diff],
})
