import { defineCommand, type OptionTable } from '../command.ts'
import { logOptions, rowFormatOptions, storeOptions, topOptions } from './options.ts'

export const replayOptions = {
  job: { type: 'string', describe: 'Job to put the records through instead, a mended one: a name, FILE or FILE#name' },
  set: { type: 'string', array: true, describe: 'Parameter of that job, NAME=VALUE; repeatable' },
  ...storeOptions,
  ...topOptions,
  ...rowFormatOptions,
  ...logOptions,
} as const satisfies OptionTable

/** `flowreduce replay`: runs quarantined records again. */
export const replayCommand = defineCommand({
  usage: 'replay <run>',
  summary: 'Run the quarantined records of a run again, and print what comes out',
  details:
    'Prints the rows that the job gives for just these records, and says which are still bad. Nothing is committed: a result is never edited.',
  positionals: { run: { type: 'string', demandOption: true, describe: 'Run' } },
  options: replayOptions,
  examples: [
    ['flowreduce replay RUN --store file:./store', 'Is it still bad?'],
    ['flowreduce replay RUN --job ./mended-job.ts --store file:./store', 'Would the mended job take the records?'],
  ],
  run: async (args) => (await import('../actions/replay.ts')).replayAction(args),
})
