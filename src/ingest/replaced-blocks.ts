import type { BlockInfo, Commit, RemoveBlock } from '../storage/manifest/actions.ts'
import type { Manifest, StoreSnapshot } from '../storage/manifest/manifest.ts'
import { IngestError } from './error.ts'

/** Begins the name of the transaction of an import that replaced the flows of kept datagrams. */
export const REDECODE = 'import:redecode:'

/**
 * The live blocks that hold the flows of the given blocks of datagrams, as actions that remove them. A daemon commits datagrams and their flows
 * together, so the log of commits tells; what an earlier import of this kind has put in their place is found the same way.
 * Throws IngestError `compacted` when some of the flows lie in a block with others.
 */
export async function replacedBlocks(
  manifest: Manifest,
  snapshot: StoreSnapshot,
  datagrams: readonly BlockInfo[],
  datasets: readonly string[],
): Promise<RemoveBlock[]> {
  const wanted = new Set(datagrams.map(({ key }) => key))
  const removedBy = new Map<string, string>()
  const found: RemoveBlock[] = []
  for await (const commit of manifest.history({ before: snapshot.version + 1 })) {
    const redecode = isRedecode(commit)
    if (redecode || adds(commit, wanted)) found.push(...additions(commit, datasets))
    for (const action of commit.actions) {
      if (action.type === 'removeBlock') removedBy.set(action.key, commit.header.operation)
      if (action.type === 'addBlock') wanted.delete(action.block.key)
    }
    if (redecode || wanted.size === 0) break
  }
  return found.filter(({ key }) => isLive(key, removedBy))
}

/** A block that retention removed needs no replacement; one that was compacted cannot be taken out of its mixture again. */
function isLive(key: string, removedBy: ReadonlyMap<string, string>): boolean {
  const operation = removedBy.get(key)
  if (operation !== 'compact') return operation === undefined
  const message = `import: flows of ${key} expected in a block of their own, got compacted ones; import into another dataset`
  throw new IngestError('compacted', message, { key })
}

function isRedecode({ actions }: Commit): boolean {
  return actions.some((action) => action.type === 'setTransaction' && action.writer.startsWith(REDECODE))
}

function adds({ actions }: Commit, wanted: ReadonlySet<string>): boolean {
  return actions.some((action) => action.type === 'addBlock' && wanted.has(action.block.key))
}

function additions({ actions }: Commit, datasets: readonly string[]): RemoveBlock[] {
  return actions.flatMap((action) =>
    action.type === 'addBlock' && datasets.includes(action.dataset)
      ? [{ type: 'removeBlock', dataset: action.dataset, key: action.block.key }]
      : [],
  )
}
