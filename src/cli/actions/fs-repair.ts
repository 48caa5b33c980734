import { countOf } from '../../report/number.ts'
import { liveBlocks } from '../../storage/live-blocks.ts'
import { openManifest } from '../../storage/manifest/manifest.ts'
import { type MendReport, mendCopies } from '../../storage/replica/copies.ts'
import { type MaintenanceReport, maintain } from '../../storage/replica/maintain.ts'
import { realSystem } from '../../storage/system.ts'
import type { OptionsOf } from '../command.ts'
import type { repairOptions } from '../commands/replica.ts'
import { EXIT } from '../errors.ts'
import { openReplicaOf } from '../open.ts'
import { printReport } from '../print.ts'
import { volumeLines } from '../volumes.ts'

export async function repairAction(args: OptionsOf<typeof repairOptions>): Promise<number> {
  const store = await openReplicaOf(args)
  const upkeep = await maintain(store.set)
  let mended: MendReport | undefined
  if (args.deep === true) {
    const manifest = await openManifest(store, { system: realSystem() })
    mended = await mendCopies(store.set, await liveBlocks(await manifest.snapshot()))
  }
  const hasPrimary = upkeep.volumes.some(({ state }) => state === 'primary')
  const isWhole = hasPrimary && upkeep.underReplicated === 0 && (mended?.lost.length ?? 0) === 0
  await printReport(args, { ...upkeep, mended: mended ?? null }, () => describe(upkeep, mended, hasPrimary))
  return isWhole ? EXIT.done : EXIT.failed
}

function describe(
  { volumes, enrolled, followed, copied, underReplicated }: MaintenanceReport,
  mended: MendReport | undefined,
  hasPrimary: boolean,
): string[] {
  const lines = [
    ...volumeLines(volumes),
    `${countOf(enrolled, 'volume')} taken in, ${countOf(followed, 'object')} brought to followers, ${countOf(copied, 'copy', 'copies')} of blocks made`,
  ]
  if (mended) lines.push(`${countOf(mended.mended, 'wrong copy', 'wrong copies')} mended`)
  for (const key of mended?.lost ?? []) lines.push(`no right copy of ${key}`)
  lines.push(
    underReplicated === 0 ? 'every block has its copies' : `${countOf(underReplicated, 'block')} short of copies`,
  )
  if (!hasPrimary) lines.push('no primary answers: fs promote makes one')
  return lines
}
