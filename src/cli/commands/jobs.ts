import { defineCommand, type OptionTable } from '../command.ts'
import { configOptions, reportFormatOptions } from './options.ts'

export const jobsOptions = { ...configOptions, ...reportFormatOptions } as const satisfies OptionTable

/** `flowreduce jobs`: what can be run. */
export const jobsCommand = defineCommand({
  usage: 'jobs [job]',
  summary: 'List the jobs that can be run, or describe one: parameters and columns',
  positionals: { job: { type: 'string', describe: 'Job by name, or FILE or FILE#name' } },
  options: jobsOptions,
  examples: [
    ['flowreduce jobs', 'Jobs of the configuration and built-in ones'],
    ['flowreduce jobs subnet-bytes', 'What a job may be told with --set, and the columns of its result'],
  ],
  run: async (args) => (await import('../actions/jobs.ts')).jobsAction(args),
})
