import type { Value } from '../../flow/value.ts'
import type { StoreSnapshot } from '../../storage/manifest/manifest.ts'
import type { OptionsOf } from '../command.ts'
import type { listOptions } from '../commands/fs.ts'
import { openManifestOf, snapshotAt } from '../open.ts'
import { printRows } from '../print.ts'
import { datasetsBelow } from './fs-list.ts'

export async function usageAction(
  args: OptionsOf<typeof listOptions> & { path: string | undefined },
): Promise<undefined> {
  const { manifest } = await openManifestOf(args)
  const snapshot = await snapshotAt(manifest, args.at)
  await printRows(
    args,
    {
      columns: [
        { name: 'dataset', type: 'text' },
        { name: 'day', type: 'text' },
        { name: 'blocks', type: 'u53' },
        { name: 'records', type: 'u53' },
        { name: 'bytes', type: 'u53' },
      ],
      head: { snapshot: snapshot.version },
      tableRows: Number.POSITIVE_INFINITY,
    },
    usageRows(snapshot, args.path),
  )
}

async function* usageRows(snapshot: StoreSnapshot, path: string | undefined): AsyncGenerator<readonly Value[]> {
  for (const { dataset } of await datasetsBelow(snapshot, path)) {
    const days = new Map<string, { blocks: number; records: number; bytes: number }>()
    for await (const { minStart, records, sizeBytes } of snapshot.blocks(dataset)) {
      const day = minStart === null ? 'no time' : new Date(minStart).toISOString().slice(0, 10)
      const sums = days.get(day) ?? { blocks: 0, records: 0, bytes: 0 }
      sums.blocks++
      sums.records += records
      sums.bytes += sizeBytes
      days.set(day, sums)
    }
    const sorted = [...days].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [day, { blocks, records, bytes }] of sorted) yield [dataset, day, blocks, records, bytes]
  }
}
