import { defineCommand, type OptionTable } from '../command.ts'
import { logOptions, reportFormatOptions } from './options.ts'

export const simulateOptions = {
  target: { type: 'string', demandOption: true, describe: 'udp://HOST:PORT, or a file to write as pcap' },
  flows: { type: 'number', default: 100_000, describe: 'Flows to send, exactly' },
  rate: { type: 'number', describe: 'Flows per second; default 25000 over UDP, 1000 of simulated time in a file' },
  protocol: { type: 'string', default: 'v5,v9,ipfix', describe: 'Protocols; exporters take turns' },
  exporters: { type: 'number', default: 6, describe: 'Devices that send' },
  seed: { type: 'number', default: 1, describe: 'Seed of everything that is random' },
  start: { type: 'string', describe: 'Time of the first export; default: now for UDP, 2026-01-01T00:00:00Z for files' },
  sampling: {
    choices: ['some', 'none'],
    default: 'some',
    describe: 'Every fourth device samples 1 in 100, or none does',
  },
  ports: { type: 'boolean', describe: 'Also print totals by destination port' },
  ...reportFormatOptions,
  ...logOptions,
} as const satisfies OptionTable

/** `flowreduce simulate`: plays exporters, towards a UDP port or into a capture. */
export const simulateCommand = defineCommand({
  usage: 'simulate',
  summary: 'Play exporters that send NetFlow v5, v9 and IPFIX, to a UDP port or into a capture',
  details:
    'The traffic is seeded and realistic: heavy-tailed hosts and services, both directions, IPv4 and some IPv6, long and short flows. ' +
    'The same seed and start give the same bytes. Prints the exact totals of what was sent.',
  options: simulateOptions,
  examples: [
    ['flowreduce simulate --target flows.pcap --flows 10000 --seed 7', 'Write a capture of 10,000 flows'],
    ['flowreduce simulate --target udp://127.0.0.1:2055 --flows 100000 --rate 50000', 'Send to an ingest daemon'],
  ],
  run: async (args) => (await import('../actions/simulate.ts')).simulateAction(args),
})
