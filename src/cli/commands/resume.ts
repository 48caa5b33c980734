import { defineCommand, type OptionTable } from '../command.ts'
import { logOptions, rowFormatOptions, storeOptions, topOptions } from './options.ts'
import { executionOptions } from './run.ts'

export const resumeOptions = {
  ...storeOptions,
  ...executionOptions,
  ...topOptions,
  ...rowFormatOptions,
  ...logOptions,
} as const satisfies OptionTable

/** `flowreduce resume`: goes on with an interrupted run. */
export const resumeCommand = defineCommand({
  usage: 'resume <run>',
  summary: 'Go on with a run that was interrupted, and print its result as run does',
  details:
    'Redoes only what was not committed or whose run file is gone or damaged. A run that is committed prints its result. When the process ' +
    'that held the run is still there, or was on another machine less than 15 seconds ago, the run is left to it.',
  positionals: { run: { type: 'string', demandOption: true, describe: 'Run, as flowreduce runs ls names it' } },
  options: resumeOptions,
  examples: [['flowreduce resume RUN --store file:./store', 'Finish what Ctrl-C or a crash left']],
  run: async (args) => (await import('../actions/resume.ts')).resumeAction(args),
})
