import { RuntimeError } from '../error.ts'
import { RunReader } from './run-reader.ts'

/** A committed run file, as a later task is told of it. */
export interface RunSource {
  /** Task that made it: its stage and number. */
  readonly stage: string
  readonly task: number
  readonly path: string
  /** CRC-32 of its footer. */
  readonly checksum: number
  /** Key of its copy in the store. */
  readonly key?: string
}

/** Opens a committed run file and checks that it is the one that was committed. */
export function openSource({ path, checksum }: RunSource): RunReader {
  const reader = new RunReader(path)
  if (reader.checksum === checksum) return reader
  reader.close()
  const message = `run file: ${path}: checksum expected ${checksum}, got ${reader.checksum}`
  throw new RuntimeError('corrupt-run-file', message, { path })
}
