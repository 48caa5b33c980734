import type { ByteRange } from '../store.ts'
import type { CallOptions, S3Caller } from './caller.ts'
import type { S3Api } from './client.ts'
import { S3Failure } from './failure.ts'
import { ObjectBody } from './object-body.ts'

export interface GetOptions {
  readonly range?: ByteRange
  /** Where the bytes of the range go; memory of their own without. */
  readonly target?: Uint8Array | undefined
}

/** Fetches an object, or a part of it that is not empty, by its key in the bucket. Fails with an `S3Failure`: status 416 for a part past the end. */
export function getObject(caller: S3Caller, key: string, options: GetOptions = {}): Promise<Uint8Array> {
  return caller.call(async (api, signal, heard) => {
    const attempt = { key, ...options, signal, heard }
    try {
      return await fetchObject(api, attempt)
    } catch (error) {
      if (!(error instanceof S3Failure && error.refused)) throw error
      // signed by credentials or a clock of the past; anew there is another
      return fetchObject(api, attempt)
    }
  })
}

interface Get extends GetOptions, CallOptions {
  readonly key: string
  readonly signal: AbortSignal
  readonly heard: () => void
}

async function fetchObject(
  { connections, urls }: S3Api,
  { key, range, target, signal, heard }: Get,
): Promise<Uint8Array> {
  const { origin, path } = await urls.of(key)
  const headers = range ? { range: rangeHeader(range) } : {}
  const body = new ObjectBody(range, target, heard)
  await connections.exchange({ origin, path, method: 'GET', headers }, body, signal)
  try {
    return body.take()
  } catch (error) {
    if (error instanceof S3Failure && error.refused) urls.refused(key, body.date)
    throw error
  }
}

function rangeHeader({ offset, length }: ByteRange): string {
  return `bytes=${offset}-${Math.min(offset + length - 1, Number.MAX_SAFE_INTEGER)}`
}
