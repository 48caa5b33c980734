import { formatBytes } from '../../flow/size.ts'
import { countOf } from '../../report/number.ts'
import { type FsckProblem, type FsckReport, fsck } from '../../storage/fsck.ts'
import type { OptionsOf } from '../command.ts'
import type { fsckOptions } from '../commands/fsck.ts'
import { openManifestOf } from '../open.ts'
import { printReport } from '../print.ts'
import { standardProgress } from '../progress.ts'

export async function fsckAction(args: OptionsOf<typeof fsckOptions>): Promise<number> {
  const { store, manifest } = await openManifestOf(args)
  const progress = standardProgress(args.quiet)
  let found = 0
  const report = await fsck({
    store,
    manifest,
    deep: args.deep === true,
    onProblem: () => {
      found++
      progress.update(() => `fsck: ${countOf(found, 'problem')} so far`)
    },
  }).finally(() => progress.clear())
  await printReport(args, report, () => describe(report))
  return report.exitStatus
}

/** Orphans are many after a crash and are no damage: a few are named, the rest counted. */
const ORPHANS_SHOWN = 5

function describe({
  version,
  deep,
  blocks,
  records,
  sizeBytes,
  retained,
  problems,
  counts,
  exitStatus,
}: FsckReport): string[] {
  const damage = problems.filter(({ kind }) => kind !== 'orphaned')
  const orphans = problems.filter(({ kind }) => kind === 'orphaned')
  const lines = [...damage, ...orphans.slice(0, ORPHANS_SHOWN)].map(problemLine)
  if (orphans.length > ORPHANS_SHOWN) lines.push(`orphaned    ${orphans.length - ORPHANS_SHOWN} more`)
  if (lines.length > 0) lines.push('')
  const older = retained === 0 ? '' : `, and ${countOf(retained, 'block')} of older snapshots`
  lines.push(
    `checked ${countOf(blocks, 'block')} (${countOf(records, 'record')}, ${formatBytes(sizeBytes)}) of version ${version}${older}: ` +
      (exitStatus === 0 ? 'sound' : countOf(damage.length, 'problem')),
  )
  if (counts.orphaned > 0)
    lines.push(`${countOf(counts.orphaned, 'orphan')}: no damage; flowreduce gc deletes them in time`)
  if (!deep) lines.push('contents were not read: --deep does')
  return lines
}

const problemLine = ({ kind, key, detail }: FsckProblem): string =>
  `${kind.padEnd(10)}  ${detail.includes(key) ? '' : `${key}: `}${detail}`
