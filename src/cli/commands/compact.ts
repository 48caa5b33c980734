import { DEFAULT_MEMORY } from '../../storage/compact/default-memory.ts'
import { defineCommand, type OptionTable } from '../command.ts'
import { logOptions, reportFormatOptions, storeOptions } from './options.ts'

export const compactOptions = {
  ...storeOptions,
  dataset: { type: 'string', default: 'flows', describe: 'Dataset to compact' },
  all: { type: 'boolean', describe: 'Also the current hour, which ingest may still add to' },
  'min-blocks': { type: 'number', default: 1, describe: 'Leave a last group of fewer small blocks for later' },
  keep: { type: 'string', describe: 'Then drop the blocks whose flows all ended longer ago than this: 90d' },
  workers: { type: 'number', describe: 'Threads that read and encode, as far as memory allows; default: one per core' },
  memory: {
    type: 'string',
    default: DEFAULT_MEMORY,
    describe: 'Bound on the memory of the process, about; what needs more becomes several blocks',
  },
  'dry-run': { type: 'boolean', describe: 'Only say what would be done' },
  ...reportFormatOptions,
  ...logOptions,
} as const satisfies OptionTable

/** `flowreduce compact`: Avro blocks into Parquet, and retention. */
export const compactCommand = defineCommand({
  usage: 'compact',
  summary: 'Rewrite sealed Avro blocks as Parquet sorted by time, and drop old ones',
  details:
    'Blocks are sealed once the UTC hour of their last flow is over. Each group is swapped in one commit, so a job sees either form, and ' +
    'ingest, jobs and other compactors may go on meanwhile. Replaced and dropped data is deleted by gc.',
  options: compactOptions,
  examples: [
    ['flowreduce compact --store file:./store', 'Compact all hours that are over'],
    ['flowreduce compact --workers 1 --memory 256MB --store file:./store', 'The same on one core, within less memory'],
    ['flowreduce compact --store file:./store --keep 90d', 'The same, and forget what is older than 90 days'],
  ],
  run: async (args) => (await import('../actions/compact.ts')).compactAction(args),
})
