import type { RunFile, RunHeader } from '../shuffle/run-file.ts'
import { RunWriter } from '../shuffle/run-writer.ts'

/** Writes a run file whole, or leaves none. */
export function writeRun(path: string, header: RunHeader, write: (writer: RunWriter) => void): RunFile {
  const writer = new RunWriter(path, header)
  try {
    write(writer)
    return writer.finish()
  } catch (error) {
    writer.abandon()
    throw error
  }
}
