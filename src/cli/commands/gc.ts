import { defineCommand, type OptionTable } from '../command.ts'
import { logOptions, reportFormatOptions, storeOptions } from './options.ts'

export const gcOptions = {
  ...storeOptions,
  retain: { type: 'string', default: '7d', describe: 'Every snapshot of this long ago or less stays readable' },
  grace: {
    type: 'string',
    default: '1d',
    describe: 'Uploads and leases this old belong to writers and runs that died',
  },
  'dry-run': { type: 'boolean', describe: 'Delete and commit nothing, only say what would go' },
  ...reportFormatOptions,
  ...logOptions,
} as const satisfies OptionTable

/** `flowreduce gc`: deletes what no kept snapshot needs. */
export const gcCommand = defineCommand({
  usage: 'gc',
  summary: 'Delete the data that no retained snapshot and no run in progress needs',
  details: 'Safe beside ingest, jobs and other collectors, and may be stopped at any point.',
  options: gcOptions,
  examples: [
    ['flowreduce gc --store file:./store --dry-run', 'See what would go'],
    ['flowreduce gc --store file:./store --retain 30d', 'Keep a month of history readable'],
  ],
  run: async (args) => (await import('../actions/gc.ts')).gcAction(args),
})
