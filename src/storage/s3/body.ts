import { Readable } from 'node:stream'
import { CHECKSUM_MISMATCH, S3Failure } from './failure.ts'

/**
 * Takes in the body of an answer, `length` bytes of it or, without a length, all. Whatever happens, the body is drained or destroyed: MinIO holds a
 * lock on the key as long as it is not, and writers wait for that.
 */
export async function takeBody(body: unknown, length: number | undefined, heard: () => void): Promise<Uint8Array> {
  if (!(body instanceof Readable)) {
    if (length) throw new S3Failure(0, 'no body')
    return new Uint8Array(0)
  }
  try {
    return await (length === undefined ? collect(body, heard) : fill(body, length, heard))
  } catch (error) {
    if (error instanceof Error && /checksum mismatch/i.test(error.message)) throw new S3Failure(0, CHECKSUM_MISMATCH)
    throw error
  } finally {
    body.destroy()
  }
}

async function fill(body: Readable, length: number, heard: () => void): Promise<Uint8Array> {
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
  let filled = 0
  for await (const piece of pieces(body)) {
    heard()
    if (filled + piece.length > length) throw new S3Failure(0, 'long body')
    bytes.set(piece, filled)
    filled += piece.length
  }
  if (filled < length) throw new S3Failure(0, 'cut body')
  return bytes
}

async function collect(body: Readable, heard: () => void): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces(body)) {
    heard()
    parts.push(piece)
  }
  return new Uint8Array(Buffer.concat(parts))
}

async function* pieces(body: Readable): AsyncIterable<Uint8Array> {
  for await (const piece of body) {
    if (!(piece instanceof Uint8Array)) throw new S3Failure(0, 'body of no bytes')
    yield piece
  }
}
