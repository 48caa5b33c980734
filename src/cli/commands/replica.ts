import { defineCommand, type OptionTable } from '../command.ts'
import { reportFormatOptions, storeOptions } from './options.ts'

/** Commands for replica sets: `fs promote` and `fs repair`. */

export const promoteOptions = {
  ...storeOptions,
  force: {
    type: 'boolean',
    describe: 'Go on although too few volumes answer to be sure of every commit; the last ones may be lost',
  },
  ...reportFormatOptions,
} as const satisfies OptionTable

export const promoteCommand = defineCommand({
  usage: 'promote <volume>',
  summary: 'Make a volume of a replica set its primary, through which commits go',
  details:
    'For when the primary is lost, when volumes or the quorum of a set change, and to make a set of a plain store and empty volumes. ' +
    'Writers may go on meanwhile. Broken off anywhere, it is run again. An emptied volume is never promoted.',
  positionals: { volume: { type: 'string', demandOption: true, describe: 'URL of the volume, as in --store' } },
  options: promoteOptions,
  examples: [
    [
      'flowreduce fs promote file:/disk2 --store replica:file:/disk1,file:/disk2,file:/disk3',
      'Go on with the second volume after the first was lost',
    ],
  ],
  run: async (args) => (await import('../actions/fs-promote.ts')).promoteAction(args),
})

export const repairOptions = {
  ...storeOptions,
  deep: { type: 'boolean', describe: 'Also read every copy of every live block, and mend those that are wrong' },
  ...reportFormatOptions,
} as const satisfies OptionTable

export const repairCommand = defineCommand({
  usage: 'repair',
  summary: 'Bring a replica set in order: volumes taken in, followers brought up, blocks copied',
  details:
    'Does once what ingest and runs do by themselves while they last: gives every volume its heartbeat, takes in empty and returned ones, and copies the blocks of ' +
    'volumes whose heartbeat has been missing for longer than the set allows. Ends with 1 while blocks are short of copies.',
  options: repairOptions,
  examples: [
    ['flowreduce fs repair --store replica:file:/disk1,file:/disk2,file:/disk3', 'Once, or every minute by cron'],
    ['flowreduce fs repair --deep --store replica:file:/disk1,file:/disk2', 'Once a month: find rotten copies'],
  ],
  run: async (args) => (await import('../actions/fs-repair.ts')).repairAction(args),
})
