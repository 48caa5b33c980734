import { defineCommand, type OptionTable } from '../command.ts'
import { logOptions, reportFormatOptions, storeOptions } from './options.ts'

export const fsckOptions = {
  ...storeOptions,
  deep: { type: 'boolean', describe: 'Read every block whole: checksums, records, statistics' },
  ...reportFormatOptions,
  ...logOptions,
} as const satisfies OptionTable

/** `flowreduce fsck`: compares manifest and store. */
export const fsckCommand = defineCommand({
  usage: 'fsck',
  summary: 'Compare the manifest with the store, both ways',
  details:
    'Finds blocks that are missing, corrupt (with --deep), orphaned, of an unreadable schema, or that differ from their statistics. ' +
    'Changes nothing. Ends with 1 when there is damage; orphans are none: gc deletes them.',
  options: fsckOptions,
  examples: [
    ['flowreduce fsck --store file:./store', 'A quick look: is every block there?'],
    ['flowreduce fsck --deep --store file:./store --format json', 'Read everything and report for a program'],
  ],
  run: async (args) => (await import('../actions/fsck.ts')).fsckAction(args),
})
