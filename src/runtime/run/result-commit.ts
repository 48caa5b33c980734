import { schemaId } from '../../flow/schema.ts'
import type { Action, BlockInfo, Commit } from '../../storage/manifest/actions.ts'
import type { Manifest } from '../../storage/manifest/manifest.ts'
import type { Snapshot } from '../../storage/manifest/snapshot.ts'

export interface ResultCommit {
  readonly run: string
  readonly epoch: number
  readonly dataset: string
  readonly blocks: readonly BlockInfo[]
  readonly schema: unknown
  /** Further blocks of datasets of this run, as the quarantine. */
  readonly others: readonly {
    readonly dataset: string
    readonly blocks: readonly BlockInfo[]
    readonly schema: unknown
  }[]
}

/** Makes the result of a run visible: in one commit its blocks replace the live ones of the dataset. A run can commit once. */
export function commitResult(manifest: Manifest, commit: ResultCommit): Promise<Commit> {
  const { run, epoch } = commit
  return manifest.commit({ operation: 'run', writer: run, epoch, actions: (snapshot) => actionsOf(snapshot, commit) })
}

async function actionsOf(
  snapshot: Snapshot,
  { run, dataset, blocks, schema, others }: ResultCommit,
): Promise<readonly Action[]> {
  const actions: Action[] = []
  const add = (name: string, added: readonly BlockInfo[], of: unknown): void => {
    if (!snapshot.has(name)) actions.push({ type: 'addDataset', dataset: name })
    if (added.length > 0) actions.push({ type: 'addSchema', schemaId: schemaId(of), schema: of })
    for (const block of added) actions.push({ type: 'addBlock', dataset: name, block })
  }
  if (snapshot.has(dataset))
    for await (const { key } of snapshot.blocks(dataset)) actions.push({ type: 'removeBlock', dataset, key })
  add(dataset, blocks, schema)
  for (const other of others) add(other.dataset, other.blocks, other.schema)
  actions.push({ type: 'setTransaction', writer: run, sequence: 0 })
  return actions
}
