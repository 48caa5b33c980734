import { countOf } from '../../report/number.ts'
import { replayRun } from '../../runtime/run/replay.ts'
import type { OptionsOf } from '../command.ts'
import type { replayOptions } from '../commands/replay.ts'
import { openManifestOf } from '../open.ts'
import { note } from '../output.ts'
import { chooseFormat, rowWriter } from '../print.ts'
import { tableRowsOf } from '../top.ts'
import { jobOf } from './request.ts'

/** Records named one by one on standard error; the others are counted. */
const NAMED = 10

export async function replayAction(args: OptionsOf<typeof replayOptions> & { run: string }): Promise<undefined> {
  const format = await chooseFormat(args)
  const job = args.job === undefined ? undefined : await jobOf({ ...args, job: args.job, where: undefined })
  const { store, manifest } = await openManifestOf(args)
  const { run, replayed, bad, columns, rows } = await replayRun({ store, manifest, run: args.run, job })
  const head = { run, replayed, bad }
  const writer = rowWriter(format, { columns, head, tableRows: tableRowsOf(args.top) })
  let left = args.top === undefined || format.format === 'table' ? Number.POSITIVE_INFINITY : args.top
  for (const batch of rows) {
    batch.length = Math.min(batch.length, left)
    await writer.add(batch)
    left -= batch.length
  }
  await writer.finish()
  if (args.quiet) return
  for (const { block, position, error } of bad.slice(0, NAMED))
    note(`still bad: ${block} record ${position}: ${error}`, 'warning')
  if (bad.length > NAMED) note(`${countOf(bad.length - NAMED, 'more record')} still bad`, 'warning')
  note(`replayed ${countOf(replayed, 'record')} of run ${run}, ${bad.length} still bad; nothing was committed`)
}
