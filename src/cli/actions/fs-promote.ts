import { countOf } from '../../report/number.ts'
import { openStore } from '../../storage/open.ts'
import { promote } from '../../storage/replica/promote.ts'
import type { OptionsOf } from '../command.ts'
import type { promoteOptions } from '../commands/replica.ts'
import { UsageError } from '../errors.ts'
import { openReplicaOf } from '../open.ts'
import { printReport } from '../print.ts'

export async function promoteAction(
  args: OptionsOf<typeof promoteOptions> & { readonly volume: string },
): Promise<undefined> {
  const { set } = await openReplicaOf(args)
  const { url } = await openStore(args.volume, { endpoint: args.endpoint })
  const volume = set.volumes.find((candidate) => candidate.url === url)
  if (!volume) {
    const urls = set.volumes.map((candidate) => candidate.url).join(', ')
    throw new UsageError(`fs promote: expected a volume of the set (${urls}), got ${url}`)
  }
  const report = await promote(set, volume.slot, { force: args.force === true })
  await printReport(args, report, () => [
    `${report.primary} is primary of epoch ${report.epoch}` +
      (report.copied === 0 ? '' : `; it got ${countOf(report.copied, 'object')} that it lacked`),
    'fs repair brings the other volumes up to it',
  ])
}
