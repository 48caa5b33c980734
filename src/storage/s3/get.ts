import type { ByteRange } from '../store.ts'
import type { S3Caller } from './caller.ts'
import { S3Failure } from './failure.ts'
import { ObjectBody } from './object-body.ts'

export interface GetOptions {
  readonly range?: ByteRange
  /** Where the bytes of the range go; memory of their own without. */
  readonly target?: Uint8Array | undefined
}

/** Fetches an object, or a part of it that is not empty, by its key in the bucket. Fails with an `S3Failure`: status 416 for a part past the end. */
export function getObject(caller: S3Caller, key: string, { range, target }: GetOptions = {}): Promise<Uint8Array> {
  const headers = { 'x-amz-checksum-mode': 'ENABLED' }
  const request = { method: 'GET', key, headers, range: range && rangeHeader(range) } as const
  return caller.call(async (client, silence) => {
    const fetch = (): Promise<Uint8Array> => client.exchange(request, new ObjectBody(range, target, silence), silence)
    try {
      return await fetch()
    } catch (error) {
      if (!(error instanceof S3Failure && error.refused)) throw error
      // signed by credentials or a clock of the past; anew there is another
      return fetch()
    }
  })
}

function rangeHeader({ offset, length }: ByteRange): string {
  return `bytes=${offset}-${Math.min(offset + length - 1, Number.MAX_SAFE_INTEGER)}`
}
