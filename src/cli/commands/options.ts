import type { Options } from 'yargs'

/** Options that several commands share; each is described once. */

/** The configuration file is looked for from the working folder upward when `--config` is not given. */
export const configOptions = {
  config: {
    type: 'string',
    describe: 'Configuration file; default: jobs.config.ts, found upward from the working folder',
  },
} as const satisfies Record<string, Options>

export const storeOptions = {
  store: {
    type: 'string',
    describe: 'Store: file:DIR, s3://bucket/prefix, replica:URL,URL, or one of the configuration',
  },
  endpoint: {
    type: 'string',
    describe: 'URL of an S3 server that is not AWS, such as http://127.0.0.1:9000 for MinIO',
  },
  ...configOptions,
} as const satisfies Record<string, Options>

export const snapshotOptions = {
  at: { type: 'string', describe: 'Read the store as of this version or ISO 8601 time instead of now' },
} as const satisfies Record<string, Options>

export const logOptions = {
  quiet: { type: 'boolean', alias: 'q', describe: 'No progress or notes on standard error; errors still show' },
  'log-format': { choices: ['text', 'json'], default: 'text', describe: 'How lines on standard error are written' },
} as const satisfies Record<string, Options>

export const periodOptions = {
  from: { type: 'string', describe: 'Start of the period: ISO 8601, or 24h for that long ago' },
  to: { type: 'string', describe: 'End of the period, exclusive: ISO 8601, or a time ago' },
} as const satisfies Record<string, Options>

export const whereOptions = {
  where: { type: 'string', describe: 'Filter: proto tcp and dst net 10.0.0.0/8 and not dst port in [80, 443]' },
} as const satisfies Record<string, Options>

export const rowFormatOptions = {
  format: {
    type: 'string',
    default: 'table',
    describe: 'How rows are printed: table, json, ndjson, csv, or a writer of the configuration',
  },
  int64: {
    choices: ['number', 'string'],
    default: 'number',
    describe: '64-bit integers in JSON: whole, or quoted for readers that round',
  },
} as const satisfies Record<string, Options>

export const reportFormatOptions = {
  format: { choices: ['table', 'json'], default: 'table', describe: 'For people, or for programs' },
} as const satisfies Record<string, Options>

export const topOptions = {
  top: { type: 'number', describe: 'Rows printed; default: 20 in a table, all in the other formats' },
} as const satisfies Record<string, Options>
