import type { Value } from '../../flow/value.ts'
import type { Action, Commit } from '../../storage/manifest/actions.ts'
import type { OptionsOf } from '../command.ts'
import type { historyOptions } from '../commands/fs.ts'
import { openManifestOf } from '../open.ts'
import { printRows } from '../print.ts'
import { limitRows, tableRowsOf } from '../top.ts'

export async function historyAction(args: OptionsOf<typeof historyOptions>): Promise<undefined> {
  const { manifest } = await openManifestOf(args)
  await printRows(
    args,
    {
      columns: [
        { name: 'version', type: 'u53' },
        { name: 'time', type: 'instant' },
        { name: 'operation', type: 'text' },
        { name: 'writer', type: 'text' },
        { name: 'added', type: 'u53' },
        { name: 'removed', type: 'u53' },
        { name: 'records', type: 'i53' },
        { name: 'bytes', type: 'u53' },
        { name: 'datasets', type: 'text' },
      ],
      tableRows: tableRowsOf(args.top),
    },
    limitRows(args, rowsOf(manifest.history())),
  )
}

async function* rowsOf(commits: AsyncIterable<Commit>): AsyncGenerator<readonly Value[]> {
  for await (const { header, actions } of commits) {
    const added = actions.flatMap((action) => (action.type === 'addBlock' ? [action.block] : []))
    const removed = actions.filter(({ type }) => type === 'removeBlock').length
    const records = added.reduce((sum, block) => sum + block.records, 0)
    const bytes = added.reduce((sum, block) => sum + block.sizeBytes, 0)
    const { version, time, operation, writer } = header
    yield [version, time, operation, writer, added.length, removed, records, bytes, datasetsOf(actions)]
  }
}

function datasetsOf(actions: readonly Action[]): string {
  const names = new Set(actions.flatMap((action) => ('dataset' in action ? [action.dataset] : [])))
  return [...names].sort().join(' ')
}
