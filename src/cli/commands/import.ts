import { defineCommand, type OptionTable } from '../command.ts'
import { logOptions, reportFormatOptions, storeOptions } from './options.ts'

export const importOptions = {
  ...storeOptions,
  'block-size': { type: 'string', default: '64MB', describe: 'Bytes of flows per block' },
  exporter: {
    type: 'string',
    default: '192.0.2.1',
    describe: 'Who is said to have sent datagrams of files without addresses',
  },
  'from-dataset': {
    type: 'string',
    describe: 'Decode once more the datagrams that ingest has kept in this dataset; the new flows replace the old ones',
  },
  again: { type: 'boolean', describe: 'Import files that have been imported before once more' },
  ...reportFormatOptions,
  ...logOptions,
} as const satisfies OptionTable

/** `flowreduce import`: decodes captures and payload files, in one commit. */
export const importCommand = defineCommand({
  usage: 'import [files..]',
  summary: 'Decode captures of NetFlow, IPFIX and sFlow into a store, in one commit',
  details:
    'Reads pcap and pcapng, files of IPFIX messages, and bare datagrams; what a file is shows from its content, not its name. ' +
    'The files of one command share their templates, in order. Either all of them become visible or nothing.',
  positionals: { files: { type: 'string', array: true, describe: 'Files, read in this order' } },
  options: importOptions,
  examples: [
    ['flowreduce import flows.pcap --store file:./store', 'Import a capture'],
    [
      'flowreduce import flows.pcap --store file:./store --again --format json',
      'Import it once more, and say what was found',
    ],
    [
      'flowreduce import --from-dataset datagrams --store file:./store',
      'Decode again what ingest --keep-datagrams has kept, for new elements or a newer decoder',
    ],
  ],
  run: async (args) => (await import('../actions/import.ts')).importAction(args),
})
