import { formatBytes } from '../../flow/size.ts'
import { countOf } from '../../report/number.ts'
import type { BlockInfo, RemoveBlock } from '../../storage/manifest/actions.ts'
import type { StoreSnapshot } from '../../storage/manifest/manifest.ts'
import type { Period } from '../../storage/manifest/snapshot.ts'
import type { OptionsOf } from '../command.ts'
import type { removeOptions } from '../commands/fs.ts'
import { UsageError } from '../errors.ts'
import { openManifestOf, periodOf } from '../open.ts'
import { printReport } from '../print.ts'

export async function removeAction(args: OptionsOf<typeof removeOptions> & { dataset: string }): Promise<undefined> {
  const { dataset, block: keys, 'dry-run': dryRun = false } = args
  const period = periodOf(args)
  const { manifest } = await openManifestOf(args)
  const removed = await chooseBlocks(await manifest.snapshot(), { dataset, keys, period })
  const actions = removed.map(({ key }): RemoveBlock => ({ type: 'removeBlock', dataset, key }))
  const commit =
    dryRun || actions.length === 0
      ? undefined
      : await manifest.commit({ operation: 'remove', writer: 'fs rm', actions })
  const records = removed.reduce((sum, block) => sum + block.records, 0)
  const bytes = removed.reduce((sum, block) => sum + block.sizeBytes, 0)
  const version = commit?.header.version ?? null
  await printReport(args, { dataset, blocks: removed.length, records, bytes, commit: version }, () => [
    `${dryRun ? 'would remove' : 'removed'} ${countOf(removed.length, 'block')} of ${dataset} (${countOf(records, 'record')}, ${formatBytes(bytes)})` +
      (version === null ? '' : ` in commit ${version}; gc deletes the data once no retained snapshot needs it`),
  ])
}

interface Choice {
  readonly dataset: string
  readonly keys: readonly string[] | undefined
  readonly period: Period
}

/** The blocks named, or those that lie inside the period; a period never takes a block that reaches out of it. */
async function chooseBlocks(snapshot: StoreSnapshot, { dataset, keys, period }: Choice): Promise<BlockInfo[]> {
  const chosen: BlockInfo[] = []
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = period
  for await (const block of snapshot.blocks(dataset, period)) {
    if (keys !== undefined && !keys.includes(block.key)) continue
    const { minStart, maxStart } = block
    const inside =
      minStart === null || maxStart === null
        ? period.from === undefined && period.to === undefined
        : minStart >= from && maxStart < to
    if (inside || keys !== undefined) chosen.push(block)
  }
  const missing = keys?.find((key) => !chosen.some((block) => block.key === key))
  if (missing !== undefined) throw new UsageError(`--block: expected a live block of ${dataset}, got ${missing}`)
  return chosen
}
