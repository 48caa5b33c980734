import { formatBytes } from '../../flow/size.ts'
import { countOf } from '../../report/number.ts'
import { putFiles } from '../../storage/put.ts'
import { realSystem } from '../../storage/system.ts'
import type { OptionsOf } from '../command.ts'
import type { putOptions } from '../commands/fs.ts'
import { openManifestOf } from '../open.ts'
import { printReport } from '../print.ts'

export async function putAction(args: OptionsOf<typeof putOptions> & { files: string[] }): Promise<undefined> {
  const opened = await openManifestOf(args, { create: 'late' })
  const { files, dataset } = args
  const summary = await putFiles({ ...opened, files, dataset, again: args.again === true, system: realSystem() })
  const { blocks, commit } = summary
  const records = blocks.reduce((sum, block) => sum + block.records, 0)
  const bytes = blocks.reduce((sum, block) => sum + block.sizeBytes, 0)
  await printReport(args, { dataset, blocks: blocks.map(({ key }) => key), records, bytes, commit }, () => [
    `put ${countOf(blocks.length, 'block')} into ${dataset} (${countOf(records, 'record')}, ${formatBytes(bytes)}), commit ${commit}`,
  ])
}
