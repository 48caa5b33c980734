import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { BUCKET, startServer } from '../servers/servers.ts'

/** Where a long test keeps its flows, and a folder beside it. */
export interface SoakPlace {
  readonly store: string
  readonly folder: string
}

export type PlaceName = 'file' | 'minio'

export const PLACES: readonly PlaceName[] = ['file', 'minio']

/** A store in a folder, or in a MinIO of its own, until the end of the test. */
export async function makePlace(name: PlaceName): Promise<SoakPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'flowreduce-soak-'))
  const server = name === 'minio' ? await startServer('minio') : undefined
  onTestFinished(async () => {
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return { folder, store: server ? `s3://${BUCKET}/soak?endpoint=${server.endpoint}` : `file:${folder}/store` }
}
