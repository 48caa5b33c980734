import type { Value } from '../../flow/value.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { OptionsOf } from '../command.ts'
import type { blocksOptions } from '../commands/fs.ts'
import { openManifestOf, periodOf, snapshotAt } from '../open.ts'
import { printRows } from '../print.ts'
import { limitRows, tableRowsOf } from '../top.ts'

export async function blocksAction(args: OptionsOf<typeof blocksOptions> & { dataset: string }): Promise<undefined> {
  const period = periodOf(args)
  const { manifest } = await openManifestOf(args)
  const snapshot = await snapshotAt(manifest, args.at)
  await printRows(
    args,
    {
      columns: [
        { name: 'key', type: 'text' },
        { name: 'format', type: 'text' },
        { name: 'records', type: 'u53' },
        { name: 'bytes', type: 'u53' },
        { name: 'from', type: 'instant', nullable: true },
        { name: 'to', type: 'instant', nullable: true },
        { name: 'exporters', type: 'u32' },
        { name: 'collector', type: 'text' },
      ],
      head: { snapshot: snapshot.version, dataset: args.dataset },
      tableRows: tableRowsOf(args.top),
    },
    limitRows(args, rowsOf(snapshot.blocks(args.dataset, period))),
  )
}

async function* rowsOf(blocks: AsyncIterable<BlockInfo>): AsyncGenerator<readonly Value[]> {
  for await (const block of blocks) {
    const { key, format, records, sizeBytes, minStart, maxEnd, exporters, collector } = block
    yield [key, format, records, sizeBytes, minStart, maxEnd, exporters.length, collector]
  }
}
