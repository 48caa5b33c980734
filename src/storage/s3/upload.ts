import type { CompletedPart } from '@aws-sdk/client-s3'
import type { Source } from '../source.ts'
import type { S3Caller } from './caller.ts'
import { S3Failure } from './failure.ts'

/** One object on its way up, and how to tell whether it got there. */
export interface Upload {
  readonly caller: S3Caller
  readonly source: Source
  readonly ifAbsent: boolean
  /** Bucket, key and encryption, as the SDK names them. */
  readonly target: UploadTarget
  /** True when the object in the store has exactly the bytes of the source. */
  holds(): Promise<boolean>
}

export interface UploadTarget {
  readonly Bucket: string
  readonly Key: string
  readonly ServerSideEncryption?: 'AES256' | 'aws:kms' | 'aws:kms:dsse'
  readonly SSEKMSKeyId?: string
}

/** Most parts of one upload. */
const MAX_PARTS = 10_000

/** Stores an object in one request. Fails with status 412 when it must be absent and is not. */
export async function putObject(upload: Upload): Promise<void> {
  const { caller, source, target, ifAbsent } = upload
  const bytes = await source.piece(0, source.sizeBytes)
  const condition = ifAbsent ? { IfNoneMatch: '*' } : {}
  await settle(upload, async () => {
    await caller.once(
      async ({ client, sdk }, abortSignal) => {
        const input = { ...target, ...condition, Body: bytes, ContentLength: bytes.length }
        await client.send(new sdk.PutObjectCommand(input), { abortSignal })
      },
      { sentBytes: bytes.length },
    )
  })
}

/** Stores an object in parts, of which nothing shows before the last request. Fails with status 412 when it must be absent and is not. */
export async function uploadParts(upload: Upload): Promise<void> {
  const { caller, target } = upload
  const uploadId = await caller.call(async ({ client, sdk }, abortSignal) => {
    const input = { ...target, ChecksumAlgorithm: 'CRC32' as const }
    const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(input), { abortSignal })
    if (UploadId === undefined) throw new S3Failure(0, 'no upload id')
    return UploadId
  })
  try {
    const parts = await sendParts(upload, uploadId)
    await complete(upload, uploadId, parts)
  } catch (error) {
    await abandon(upload, uploadId)
    throw error
  }
}

/** Sends all parts, waiting for every one before the first failure is thrown. */
async function sendParts({ caller, source, target }: Upload, uploadId: string): Promise<CompletedPart[]> {
  const { Bucket, Key } = target
  const partBytes = Math.max(caller.limits.partBytes, Math.ceil(source.sizeBytes / MAX_PARTS))
  const count = Math.ceil(source.sizeBytes / partBytes)
  const send = async (index: number): Promise<CompletedPart> => {
    const offset = index * partBytes
    const length = Math.min(partBytes, source.sizeBytes - offset)
    const PartNumber = index + 1
    return caller.call(
      async ({ client, sdk }, abortSignal) => {
        const Body = await source.piece(offset, length)
        const part = { Bucket, Key, UploadId: uploadId, PartNumber, Body, ContentLength: length }
        const input = { ...part, ChecksumAlgorithm: 'CRC32' as const }
        const { ETag, ChecksumCRC32 } = await client.send(new sdk.UploadPartCommand(input), { abortSignal })
        if (ETag === undefined || ChecksumCRC32 === undefined) throw new S3Failure(0, 'no part checksum')
        return { PartNumber, ETag, ChecksumCRC32 }
      },
      { sentBytes: length },
    )
  }
  const outcomes = await Promise.allSettled(Array.from({ length: count }, (_, index) => send(index)))
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}

async function complete(upload: Upload, uploadId: string, parts: CompletedPart[]): Promise<void> {
  const { caller, target, ifAbsent } = upload
  const { Bucket, Key } = target
  const condition = ifAbsent ? { IfNoneMatch: '*' } : {}
  await settle(upload, () =>
    caller.once(async ({ client, sdk }, abortSignal) => {
      const input = { Bucket, Key, UploadId: uploadId, MultipartUpload: { Parts: parts }, ...condition }
      await client.send(new sdk.CompleteMultipartUploadCommand(input), { abortSignal })
    }),
  )
}

/**
 * Tries the request that makes an object appear. When an earlier try may have done so (its reply was lost), then a refusal now, or the upload being gone,
 * says nothing: the object is read back, and with every byte as sent, this writer won. That is why an object that one of several writers wins
 * carries a nonce.
 */
async function settle(upload: Upload, request: () => Promise<void>): Promise<void> {
  let lost = false
  try {
    await upload.caller.retry(async (maybeDone) => {
      lost = maybeDone
      await request()
    })
  } catch (error) {
    if (!(error instanceof S3Failure)) throw error
    const telling = error.status === 412 || error.status === 404 || error.uncertain
    if (telling && (lost || error.uncertain) && (await upload.holds())) return
    throw error.reason === 'NoSuchUpload' ? new S3Failure(410, error.reason) : error
  }
}

/** Best effort: parts of an upload that stay behind cost room until the bucket's lifecycle rule removes them. */
async function abandon({ caller, target }: Upload, uploadId: string): Promise<void> {
  const { Bucket, Key } = target
  const input = { Bucket, Key, UploadId: uploadId }
  await caller
    .once(async ({ client, sdk }, abortSignal) => {
      await client.send(new sdk.AbortMultipartUploadCommand(input), { abortSignal })
    })
    .catch(() => undefined)
}
