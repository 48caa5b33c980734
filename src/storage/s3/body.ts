import { Readable } from 'node:stream'
import { CHECKSUM_MISMATCH, S3Failure } from './failure.ts'

/**
 * Takes in the body of an answer: its bytes go to `target`, which they fill, or, without one, to memory of their own. Whatever happens, the body is drained or destroyed: MinIO holds
 * a lock on the key as long as it is not, and writers wait for that.
 */
export async function takeBody(body: unknown, target: Uint8Array | undefined, heard: () => void): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let filled = 0
  const take = (piece: unknown): void => {
    heard()
    if (!(piece instanceof Uint8Array)) throw new S3Failure(0, 'body of no bytes')
    if (!target) parts.push(piece)
    else if (filled + piece.length > target.length) throw new S3Failure(0, 'long body')
    else target.set(piece, filled)
    filled += piece.length
  }
  if (body instanceof Readable) await drain(body, take)
  else if (target && target.length > 0) throw new S3Failure(0, 'no body')
  if (target && filled < target.length) throw new S3Failure(0, 'cut body')
  return target ?? new Uint8Array(Buffer.concat(parts))
}

/** Lets go of the body of an answer that is not wanted. */
export function dropBody(body: unknown): void {
  if (!(body instanceof Readable)) return
  body.on('error', () => undefined)
  body.destroy()
}

/** Events and not an iterator: that would make promises for every piece. */
async function drain(body: Readable, take: (piece: unknown) => void): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      body.on('data', (piece) => {
        try {
          take(piece)
        } catch (error) {
          reject(error)
          body.destroy()
        }
      })
      body.once('end', resolve)
      body.on('error', reject)
      body.once('close', () => reject(new S3Failure(0, 'cut body')))
    })
  } catch (error) {
    if (error instanceof Error && /checksum mismatch/i.test(error.message)) throw new S3Failure(0, CHECKSUM_MISMATCH)
    throw error
  } finally {
    body.destroy()
  }
}
