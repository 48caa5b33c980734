import { defineCommand, defineFamily, type OptionTable } from '../command.ts'
import {
  periodOptions,
  reportFormatOptions,
  rowFormatOptions,
  snapshotOptions,
  storeOptions,
  topOptions,
  whereOptions,
} from './options.ts'
import { promoteCommand, repairCommand } from './replica.ts'

export const listOptions = { ...storeOptions, ...snapshotOptions, ...rowFormatOptions } as const satisfies OptionTable

const list = defineCommand({
  usage: 'ls [path]',
  summary: 'List the datasets of a store',
  positionals: { path: { type: 'string', describe: 'Only this dataset, or those below this path' } },
  options: listOptions,
  examples: [
    ['flowreduce fs ls --store file:./store', 'Flows, results, quarantine: everything that is stored'],
    ['flowreduce fs ls results --store file:./store --format json', 'Job results, for a program'],
  ],
  run: async (args) => (await import('../actions/fs-list.ts')).listAction(args),
})

export const statOptions = {
  ...storeOptions,
  ...snapshotOptions,
  ...reportFormatOptions,
} as const satisfies OptionTable

const stat = defineCommand({
  usage: 'stat [dataset]',
  summary: 'Describe a store, or one of its datasets: blocks, bytes, time span, exporters, coverage',
  positionals: { dataset: { type: 'string', describe: 'Dataset; without one the store itself' } },
  options: statOptions,
  examples: [
    ['flowreduce fs stat --store file:./store', 'The store: version, time of the last commit, datasets'],
    ['flowreduce fs stat flows --store file:./store', 'What the dataset flows holds, and what was lost on the way in'],
  ],
  run: async (args) => (await import('../actions/fs-stat.ts')).statAction(args),
})

export const blocksOptions = { ...listOptions, ...periodOptions, ...topOptions } as const satisfies OptionTable

const blocks = defineCommand({
  usage: 'blocks <dataset>',
  summary: 'List the blocks of a dataset with their statistics',
  positionals: { dataset: { type: 'string', demandOption: true, describe: 'Dataset' } },
  options: blocksOptions,
  examples: [
    ['flowreduce fs blocks flows --store file:./store --from 24h', 'Blocks that may hold flows of the last day'],
  ],
  run: async (args) => (await import('../actions/fs-blocks.ts')).blocksAction(args),
})

export const catOptions = {
  ...blocksOptions,
  ...whereOptions,
  columns: { type: 'string', describe: 'Columns to print, separated by commas; default: all' },
} as const satisfies OptionTable

const cat = defineCommand({
  usage: 'cat <dataset>',
  summary: 'Print the records of a dataset',
  positionals: { dataset: { type: 'string', demandOption: true, describe: 'Dataset' } },
  options: catOptions,
  examples: [
    ['flowreduce fs cat flows --store file:./store', 'A look at the first flows'],
    [
      'flowreduce fs cat flows --store file:./store --format ndjson --columns start,srcAddr,dstAddr,bytes',
      'All flows, for a program',
    ],
  ],
  run: async (args) => (await import('../actions/fs-cat.ts')).catAction(args),
})

const usage = defineCommand({
  usage: 'du [path]',
  summary: 'Sum up blocks, bytes and records by dataset and UTC day',
  positionals: { path: { type: 'string', describe: 'Only this dataset, or those below this path' } },
  options: listOptions,
  examples: [['flowreduce fs du --store file:./store', 'Where the space goes']],
  run: async (args) => (await import('../actions/fs-usage.ts')).usageAction(args),
})

export const historyOptions = { ...storeOptions, ...rowFormatOptions, ...topOptions } as const satisfies OptionTable

const history = defineCommand({
  usage: 'history',
  summary: 'List the commits of a store, newest first',
  options: historyOptions,
  examples: [['flowreduce fs history --store file:./store --top 5', 'The last five commits']],
  run: async (args) => (await import('../actions/fs-history.ts')).historyAction(args),
})

export const removeOptions = {
  ...storeOptions,
  ...periodOptions,
  block: { type: 'string', array: true, describe: 'Key of a block to remove; repeatable' },
  'dry-run': { type: 'boolean', describe: 'Only say what would be removed' },
  ...reportFormatOptions,
} as const satisfies OptionTable

const remove = defineCommand({
  usage: 'rm <dataset>',
  summary: 'Remove blocks from a dataset in one commit',
  details:
    'Older snapshots still show the blocks; their data is deleted by gc once no retained snapshot needs it. ' +
    'With a period, only blocks whose flows all start inside it are removed.',
  positionals: { dataset: { type: 'string', demandOption: true, describe: 'Dataset' } },
  options: removeOptions,
  examples: [
    ['flowreduce fs rm results/port-breakdown --store file:./store', 'Forget the stored result of a job'],
    ['flowreduce fs rm flows --to 2026-01-01T00:00:00Z --store file:./store --dry-run', 'See what an old year takes'],
  ],
  run: async (args) => (await import('../actions/fs-remove.ts')).removeAction(args),
})

export const putOptions = {
  ...storeOptions,
  dataset: {
    type: 'string',
    default: 'flows',
    describe: 'Dataset that gets the blocks; it is made when it is not there',
  },
  again: { type: 'boolean', describe: 'Put files that were put before once more' },
  ...reportFormatOptions,
} as const satisfies OptionTable

const put = defineCommand({
  usage: 'put <files..>',
  summary: 'Copy Avro files of any writer into a dataset, in one commit',
  details:
    'Every checksum and value is checked first, and that the schema can be resolved to the columns of the dataset by the rules of Avro. ' +
    'A new dataset has the columns of the file.',
  positionals: { files: { type: 'string', array: true, demandOption: true, describe: 'Avro container files' } },
  options: putOptions,
  examples: [['flowreduce fs put flows.avro --store file:./store', 'Add flows that another tool has written']],
  run: async (args) => (await import('../actions/fs-put.ts')).putAction(args),
})

/** `flowreduce fs`: what a store holds. */
export const fsCommand = defineFamily({
  name: 'fs',
  summary: 'Look at and manage what a store holds',
  commands: [list, stat, blocks, cat, usage, put, remove, history, promoteCommand, repairCommand],
})
