import { formatBytes } from '../../flow/size.ts'
import { parseDuration } from '../../flow/time.ts'
import { countOf } from '../../report/number.ts'
import { type GcReport, gc } from '../../storage/gc.ts'
import { realSystem } from '../../storage/system.ts'
import type { OptionsOf } from '../command.ts'
import type { gcOptions } from '../commands/gc.ts'
import { openManifestOf } from '../open.ts'
import { printReport } from '../print.ts'
import { standardProgress } from '../progress.ts'
import { readOption } from '../read-option.ts'
import { withUpkeep } from '../upkeep.ts'

export async function gcAction(args: OptionsOf<typeof gcOptions>): Promise<undefined> {
  const retainMs = readOption('retain', args.retain, parseDuration)
  const graceMs = readOption('grace', args.grace, parseDuration)
  const { store, manifest } = await openManifestOf(args)
  const progress = standardProgress(args.quiet)
  let objects = 0
  const onObject = (): void => {
    objects++
    progress.update(() => `gc: ${countOf(objects, 'object')}`)
  }
  const report = await withUpkeep(store, () =>
    gc({ store, manifest, system: realSystem(), retainMs, graceMs, dryRun: args['dry-run'] === true, onObject }),
  ).finally(() => progress.clear())
  await printReport(args, report, () => describe(report))
}

function describe({ dryRun, version, leased, deleted, foreign }: GcReport): string[] {
  const lines = Object.entries(deleted)
    .filter(([, { objects }]) => objects > 0)
    .map(
      ([kind, { objects, sizeBytes }]) =>
        `${dryRun ? 'would delete' : 'deleted'} ${countOf(objects, kind)} (${formatBytes(sizeBytes)})`,
    )
  if (lines.length === 0) lines.push('nothing to delete')
  const runs = leased.length === 0 ? '' : `, and ${leased.join(', ')} for runs in progress`
  lines.push(`versions from ${version} on stay readable${runs}`)
  if (foreign > 0) lines.push(`left alone: ${countOf(foreign, 'object')} under data/ that no flowreduce wrote`)
  return lines
}
