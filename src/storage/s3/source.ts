import { readPiece, withLocalFile } from '../local-file.ts'
import type { LocalFile } from '../store.ts'

/** A body to be stored, read piece by piece and as often as retries need. */
export interface Source {
  readonly sizeBytes: number
  piece(offset: number, length: number): Promise<Uint8Array>
}

/** Opens a body for the length of `use`. */
export async function withSource<Result>(
  body: Uint8Array | LocalFile,
  use: (source: Source) => Promise<Result>,
): Promise<Result> {
  if (body instanceof Uint8Array)
    return use({ sizeBytes: body.length, piece: async (offset, length) => body.subarray(offset, offset + length) })
  return withLocalFile(body, (handle, sizeBytes) =>
    use({ sizeBytes, piece: (offset, length) => readPiece(handle, body, offset, length) }),
  )
}
