import { defineCommand, type OptionTable } from '../command.ts'

export const taskOptions = {
  spec: { type: 'string', demandOption: true, describe: 'File with the description of a task attempt, as JSON' },
} as const satisfies OptionTable

/** `flowreduce task`: one task attempt in a process of its own. */
export const taskCommand = defineCommand({
  usage: 'task',
  summary: 'Carry out one attempt of a task, for runners that only submit, or to look into a failure',
  details:
    'Does what a worker does: reads, maps or reduces, writes the run file or the result blocks, and commits the attempt to the journal of its ' +
    'run. Prints the journal entry as JSON.',
  options: taskOptions,
  examples: [['flowreduce task --spec task.json', 'Carry out a task whose description a coordinator wrote']],
  run: async (args) => (await import('../actions/task.ts')).taskAction(args),
})
