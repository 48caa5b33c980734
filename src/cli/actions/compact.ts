import { hostname } from 'node:os'
import { formatBytes, parseSize } from '../../flow/size.ts'
import { parseDuration } from '../../flow/time.ts'
import { countOf } from '../../report/number.ts'
import { flowsText } from '../../report/progress.ts'
import { chooseGroups } from '../../storage/compact/choose.ts'
import type { CompactSummary } from '../../storage/compact/compact.ts'
import { compact, TARGET_RECORDS } from '../../storage/compact/compact.ts'
import type { ExpireSummary } from '../../storage/compact/expire.ts'
import { expire } from '../../storage/compact/expire.ts'
import type { BlockInfo } from '../../storage/manifest/actions.ts'
import type { Manifest } from '../../storage/manifest/manifest.ts'
import { realSystem } from '../../storage/system.ts'
import type { OptionsOf } from '../command.ts'
import type { compactOptions } from '../commands/compact.ts'
import { EXIT, UsageError } from '../errors.ts'
import { openManifestOf } from '../open.ts'
import { printReport } from '../print.ts'
import { standardProgress } from '../progress.ts'
import { readOption } from '../read-option.ts'
import { listenForStop } from '../signals.ts'
import { withUpkeep } from '../upkeep.ts'
import { workersOf } from './request.ts'

const HOUR_MS = 3_600_000

export async function compactAction(args: OptionsOf<typeof compactOptions>): Promise<number> {
  const { dataset, keep, 'dry-run': dryRun = false, 'min-blocks': minBlocks } = args
  if (!Number.isInteger(minBlocks) || minBlocks < 1) {
    throw new UsageError(`--min-blocks: expected a whole number from 1, got ${minBlocks}`)
  }
  const keepMs = keep === undefined ? undefined : readOption('keep', keep, parseDuration)
  const threads = workersOf(args)
  const memoryBytes = readOption('memory', args.memory, parseSize)
  const { store, manifest } = await openManifestOf(args)
  const system = realSystem()
  const now = system.now()
  const sealedBefore = args.all === true ? Number.POSITIVE_INFINITY : now - (now % HOUR_MS)
  const writer = `compact@${hostname()}`
  const chosen = { dataset, sealedBefore, minBlocks, targetRecords: TARGET_RECORDS }
  const stop = listenForStop()
  const progress = standardProgress(args.quiet)
  try {
    const compacted = dryRun
      ? await foresee(manifest, chosen)
      : await withUpkeep(store, () =>
          compact({
            ...chosen,
            store,
            manifest,
            system,
            writer,
            memoryBytes,
            ...(threads === undefined ? {} : { threads }),
            signal: stop.signal,
            onProgress: ({ records, recordsDone }) =>
              progress.update((elapsedMs) => flowsText('compacted', recordsDone, records, elapsedMs)),
          }),
        )
    const expired =
      keepMs === undefined ? undefined : await expire({ manifest, dataset, before: now - keepMs, writer, dryRun })
    progress.clear()
    await printReport(args, { dryRun, compacted, expired: expired ?? null }, () => describe(compacted, expired, dryRun))
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted
    throw error
  } finally {
    progress.clear()
    stop.done()
  }
  return EXIT.done
}

/** What `compact` would find to do. */
async function foresee(
  manifest: Manifest,
  options: { dataset: string; sealedBefore: number; minBlocks: number; targetRecords: number },
): Promise<CompactSummary> {
  const blocks: BlockInfo[] = []
  for await (const block of (await manifest.snapshot()).blocks(options.dataset)) blocks.push(block)
  const groups = chooseGroups(blocks, options)
  const chosen = groups.flat()
  return {
    dataset: options.dataset,
    blocksBefore: chosen.length,
    bytesBefore: chosen.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    blocksAfter: groups.length,
    bytesAfter: 0,
    records: chosen.reduce((sum, { records }) => sum + records, 0),
    conflicts: 0,
  }
}

function describe(compacted: CompactSummary, expired: ExpireSummary | undefined, dryRun: boolean): string[] {
  const { dataset, blocksBefore, blocksAfter, bytesBefore, bytesAfter, records, conflicts } = compacted
  const before = `${countOf(blocksBefore, 'block')} of ${dataset} (${countOf(records, 'record')}, ${formatBytes(bytesBefore)})`
  const lines = [
    blocksBefore === 0
      ? `nothing to compact in ${dataset}`
      : dryRun
        ? `would compact ${before} into ${countOf(blocksAfter, 'block')}`
        : `compacted ${before} into ${countOf(blocksAfter, 'block')} (${formatBytes(bytesAfter)})`,
  ]
  if (conflicts > 0) lines.push(`${countOf(conflicts, 'group')} left: another process changed their blocks first`)
  if (expired) {
    const dropped = `${countOf(expired.blocks, 'block')} (${countOf(expired.records, 'record')}, ${formatBytes(expired.bytes)})`
    lines.push(`${dryRun ? 'would drop' : 'dropped'} ${dropped} older than --keep`)
  }
  return lines
}
