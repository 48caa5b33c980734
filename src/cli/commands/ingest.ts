import { defineCommand, type OptionTable } from '../command.ts'
import { logOptions, reportFormatOptions, storeOptions } from './options.ts'

export const ingestOptions = {
  listen: {
    type: 'string',
    array: true,
    default: ['udp://127.0.0.1:2055'],
    describe: 'udp://HOST:PORT to receive on; repeatable; port 0 takes a free one',
  },
  ...storeOptions,
  roll: { type: 'string', default: '60s', describe: 'Longest time until received flows are committed' },
  'block-size': { type: 'string', default: '64MB', describe: 'Bytes of flows per block' },
  name: { type: 'string', describe: 'Name of this collector in blocks and commits; default: the name of the host' },
  spool: {
    type: 'string',
    describe:
      'Folder that keeps what is received but not committed, or none; default: one of its own in ~/.local/state',
  },
  'spool-budget': {
    type: 'string',
    default: '4GB',
    describe: 'Bytes that may wait in the spool while the store is away',
  },
  'spool-delay': {
    type: 'string',
    default: '200ms',
    describe: 'Longest time until a received datagram is in the spool: what a killed daemon may lose',
  },
  allow: {
    type: 'string',
    array: true,
    describe: 'Network whose exporters are heard, such as 10.0.0.0/8; repeatable; default: all',
  },
  expect: { type: 'string', array: true, describe: 'Exporter whose silence is to be noted; repeatable' },
  'receive-buffer': { type: 'string', default: '16MiB', describe: 'Receive buffer of each socket' },
  metrics: { type: 'string', describe: 'HOST:PORT to serve /metrics (Prometheus) and /healthz on' },
  compact: {
    type: 'string',
    describe:
      'Rewrite blocks as Parquet beside receiving: sealed, once their hour is over, or a number, also when so many new ones are there; default: never',
  },
  'keep-datagrams': { type: 'boolean', describe: 'Also keep the datagrams as they came, as the dataset datagrams' },
  interval: { type: 'string', default: '10s', describe: 'Time between two status lines' },
  ...reportFormatOptions,
  ...logOptions,
} as const satisfies OptionTable

/** `flowreduce ingest`: the daemon. */
export const ingestCommand = defineCommand({
  usage: 'ingest',
  summary: 'Receive NetFlow v5, v9, IPFIX and sFlow over UDP and store the flows',
  details:
    'Runs until SIGINT or SIGTERM, then commits what it has received and ends with 0. SIGHUP reads the configuration again. ' +
    'Several collectors may feed one store.',
  options: ingestOptions,
  examples: [
    ['flowreduce ingest --listen udp://127.0.0.1:2055 --store file:./store', 'Collect on the loopback address'],
    [
      'flowreduce ingest --listen udp://0.0.0.0:2055 --listen udp://[::]:6343 --store s3://flows/prod --metrics 127.0.0.1:9100',
      'Collect on two ports into a bucket, with metrics',
    ],
    [
      'flowreduce ingest --listen udp://0.0.0.0:2055 --store file:/srv/flows --compact sealed',
      'Collect, and make hours that are over small and fast',
    ],
  ],
  run: async (args) => (await import('../actions/ingest.ts')).ingestAction(args),
})
