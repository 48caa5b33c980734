import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { ColumnSpec } from '../flow/column.ts'
import { columnSpecs } from '../flow/schema.ts'
import { parseHeader } from './avro/header.ts'
import { inspectBlock } from './block/inspect.ts'
import { blockKey } from './block/keys.ts'
import { datasetColumns } from './dataset-columns.ts'
import { StorageError } from './errors.ts'
import { readPiece, withLocalFile } from './local-file.ts'
import type { Action, BlockInfo } from './manifest/actions.ts'
import { checkDatasetName } from './manifest/check.ts'
import type { Manifest, StoreSnapshot } from './manifest/manifest.ts'
import type { ByteRange, ObjectStore } from './store.ts'
import type { System } from './system.ts'
import { ulid } from './ulid.ts'

export interface PutOptions {
  /** Avro containers of any writer. */
  readonly files: readonly string[]
  readonly dataset: string
  readonly store: ObjectStore
  readonly manifest: Manifest
  readonly system: System
  /** Put files that were put before once more. */
  readonly again?: boolean
}

export interface PutSummary {
  readonly dataset: string
  readonly blocks: readonly BlockInfo[]
  /** Version of the commit. */
  readonly commit: number
}

const WRITER = 'put'
const MAX_HEADER_BYTES = 16 * 1024 * 1024

/**
 * Copies Avro containers into a dataset, in one commit, after every checksum and value in them has been checked against the dataset's columns
 * (those of a flow, of its blocks so far, or, for a new dataset, of the file itself). Throws `bad-format`, `bad-schema`, `corrupt`, and
 * `duplicate-transaction` for a file whose content was put before.
 */
export async function putFiles(options: PutOptions): Promise<PutSummary> {
  const { files, dataset, store, manifest, system, again = false } = options
  checkDatasetName(dataset)
  const snapshot = await manifest.snapshot()
  const known = await columnsOf(snapshot, dataset)
  const blocks: BlockInfo[] = []
  const actions: Action[] = [{ type: 'addDataset', dataset }]
  for (const path of files) {
    const writer = `${WRITER}:${dataset}:${await hashOf(path)}`
    const sequence = again ? (await snapshot.transaction(writer)) + 1 : 0
    if (!again) await refuseTwin(snapshot, actions, { writer, path })
    const { block, schema } = await describeFile(path, { dataset, known, system })
    blocks.push(block)
    actions.push({ type: 'addSchema', schemaId: block.schemaId, schema }, { type: 'addBlock', dataset, block })
    actions.push({ type: 'setTransaction', writer, sequence })
  }
  for (const [index, { key }] of blocks.entries()) await store.write(key, { path: files[index]! }, { ifAbsent: true })
  const { header } = await manifest.commit({ operation: 'put', writer: WRITER, actions })
  return { dataset, blocks, commit: header.version }
}

async function refuseTwin(
  snapshot: StoreSnapshot,
  actions: readonly Action[],
  { writer, path }: { writer: string; path: string },
): Promise<void> {
  const twice = actions.some((action) => action.type === 'setTransaction' && action.writer === writer)
  if (!twice && (await snapshot.transaction(writer)) < 0) return
  throw new StorageError('duplicate-transaction', `put: ${path} expected a file not put before, got one that was`, {
    path,
  })
}

/** The columns that rows of a dataset have; undefined when nothing says so yet. */
async function columnsOf(snapshot: StoreSnapshot, dataset: string): Promise<readonly ColumnSpec[] | undefined> {
  const schemas = new Map<string, unknown>()
  const datasets = await snapshot.datasets()
  if (datasets.some((summary) => summary.dataset === dataset)) {
    for await (const { schemaId } of snapshot.blocks(dataset)) {
      if (!schemas.has(schemaId)) schemas.set(schemaId, await snapshot.schema(schemaId))
    }
  }
  const columns = datasetColumns(dataset, schemas.values())
  return columns.length === 0 ? undefined : columns
}

async function describeFile(
  path: string,
  { dataset, known, system }: { dataset: string; known: readonly ColumnSpec[] | undefined; system: System },
): Promise<{ block: BlockInfo; schema: unknown }> {
  const { size: sizeBytes } = await stat(path)
  const read = (_key: string, range?: ByteRange): Promise<Uint8Array> =>
    readPart(path, range ?? { offset: 0, length: sizeBytes })
  const columns = known ?? columnSpecs(parseHeader(await read(path, { offset: 0, length: MAX_HEADER_BYTES })).schema)
  const { schema, info } = await inspectBlock({ store: { read }, key: path, sizeBytes, columns })
  const key = blockKey(dataset, info.minStart ?? system.now(), ulid(system))
  return { schema, block: { key, collector: WRITER, ...info } }
}

/** A part of a file, cut at its end. */
async function readPart(path: string, { offset, length }: ByteRange): Promise<Uint8Array> {
  return withLocalFile({ path }, (handle, sizeBytes) => {
    const end = Math.min(sizeBytes, offset + length)
    return readPiece(handle, { path }, offset, Math.max(0, end - offset))
  })
}

async function hashOf(path: string): Promise<string> {
  return withLocalFile({ path }, async (handle) => {
    const hash = createHash('sha256')
    for await (const chunk of handle.createReadStream({ autoClose: false })) hash.update(chunk)
    return hash.digest('hex')
  })
}
