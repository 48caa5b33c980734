import { stat } from 'node:fs/promises'

/** What a file is at a moment. */
export interface FileState {
  readonly inode: bigint
  readonly sizeBytes: bigint
  readonly modifiedNs: bigint
}

/** The state of a file; undefined when there is none to be had. */
export async function fileState(path: string): Promise<FileState | undefined> {
  return stat(path, { bigint: true }).then(
    ({ ino, size, mtimeNs }) => ({ inode: ino, sizeBytes: size, modifiedNs: mtimeNs }),
    () => undefined,
  )
}

/** Whether nobody wrote to a file between two states of it, or put another in its place. */
export function isSameState(before: FileState | undefined, after: FileState | undefined): boolean {
  if (!before || !after) return false
  return before.inode === after.inode && before.sizeBytes === after.sizeBytes && before.modifiedNs === after.modifiedNs
}
