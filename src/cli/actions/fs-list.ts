import { checkDatasetName } from '../../storage/manifest/check.ts'
import type { DatasetSummary } from '../../storage/manifest/snapshot.ts'
import type { OptionsOf } from '../command.ts'
import type { listOptions } from '../commands/fs.ts'
import { openManifestOf, snapshotAt } from '../open.ts'
import { printRows } from '../print.ts'

export async function listAction(
  args: OptionsOf<typeof listOptions> & { path: string | undefined },
): Promise<undefined> {
  const { manifest } = await openManifestOf(args)
  const snapshot = await snapshotAt(manifest, args.at)
  const datasets = await datasetsBelow(snapshot, args.path)
  await printRows(
    args,
    {
      columns: [
        { name: 'dataset', type: 'text' },
        { name: 'blocks', type: 'u53' },
        { name: 'records', type: 'u53' },
        { name: 'bytes', type: 'u53' },
        { name: 'from', type: 'instant', nullable: true },
        { name: 'to', type: 'instant', nullable: true },
      ],
      head: { snapshot: snapshot.version },
      tableRows: Number.POSITIVE_INFINITY,
    },
    datasets.map(({ dataset, blocks, records, sizeBytes, minStart, maxEnd }) => [
      dataset,
      blocks,
      records,
      sizeBytes,
      minStart,
      maxEnd,
    ]),
  )
}

/** The dataset with this name and those below it, if any; all of them without a path. Throws `bad-key` for a path that no dataset can have. */
export async function datasetsBelow(
  snapshot: { datasets(): Promise<readonly DatasetSummary[]> },
  path: string | undefined,
): Promise<readonly DatasetSummary[]> {
  const all = await snapshot.datasets()
  if (path === undefined) return all
  const folder = path.replace(/\/+$/, '')
  checkDatasetName(folder)
  return all.filter(({ dataset }) => dataset === folder || dataset.startsWith(`${folder}/`))
}
