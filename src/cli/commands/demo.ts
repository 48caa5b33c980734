import { defineCommand, type OptionTable } from '../command.ts'
import { storeOptions } from './options.ts'

export const demoOptions = {
  flows: { type: 'number', default: 1_000_000, describe: 'Flows to send' },
  rate: { type: 'number', default: 50_000, describe: 'Flows per second' },
  seed: { type: 'number', default: 1, describe: 'Seed of the traffic' },
  store: { type: 'string', describe: 'Empty store to use instead of one in ./.flowreduce-demo' },
  endpoint: storeOptions.endpoint,
} as const satisfies OptionTable

/** `flowreduce demo`: the whole path, end to end, on this machine. */
export const demoCommand = defineCommand({
  usage: 'demo',
  summary: 'Show the whole path on this machine: exporters, UDP, daemon, store, jobs',
  details:
    'A simulator and an ingest daemon run as processes of their own; then jobs run over the store that came about, and every flow sent is ' +
    'looked for. Keeps its store in ./.flowreduce-demo and replaces what an earlier demo left there.',
  options: demoOptions,
  examples: [
    ['flowreduce demo --flows 100000', 'A short one'],
    ['flowreduce demo --store s3://bucket/demo --endpoint http://127.0.0.1:9000', 'The same over MinIO'],
  ],
  run: async (args) => (await import('../actions/demo.ts')).demoAction(args),
})
