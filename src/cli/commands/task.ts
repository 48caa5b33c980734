import { defineCommand, type OptionTable } from '../command.ts'
import { storeOptions } from './options.ts'

export const taskOptions = {
  spec: { type: 'string', describe: 'File with the description of a task attempt, as JSON: carried out and committed' },
  run: { type: 'string', describe: 'Run of which a task is to be carried out again, committing nothing' },
  task: { type: 'string', describe: 'Stage and number of that task, as a failed run names it: ports-map-3' },
  ...storeOptions,
} as const satisfies OptionTable

/** `flowreduce task`: one task attempt in a process of its own. */
export const taskCommand = defineCommand({
  usage: 'task',
  summary: 'Carry out one task: for runners that only submit, or to look into a failure',
  details:
    'With --spec it does what a worker does: reads, maps or reduces, writes the run file or the result blocks, and commits the attempt to the ' +
    'journal of its run. With --run and --task a task of a run is carried out again in this process and its error shown with its stack; nothing ' +
    'is committed. Prints the journal entry as JSON.',
  options: taskOptions,
  examples: [
    ['flowreduce task --spec task.json', 'Carry out a task whose description a coordinator wrote'],
    ['flowreduce task --run RUN --task ports-map-3 --store file:./store', 'Run a failed split again'],
  ],
  run: async (args) => (await import('../actions/task.ts')).taskAction(args),
})
