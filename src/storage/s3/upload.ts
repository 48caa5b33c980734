import type { Source } from '../source.ts'
import type { AnswerHead } from './answer.ts'
import type { CallOptions, S3Caller } from './caller.ts'
import { S3Failure } from './failure.ts'
import { checksumOf, wholeBody } from './object-body.ts'
import type { WireRequest } from './wire.ts'
import { escapeXml, textOf } from './xml.ts'

/** One object on its way up, and how to tell whether it got there. */
export interface Upload {
  readonly caller: S3Caller
  readonly source: Source
  readonly ifAbsent: boolean
  /** Whole key in the bucket. */
  readonly key: string
  /** Header fields that ask for encryption. */
  readonly encryption: { readonly [name: string]: string }
  /** True when the object in the store has exactly the bytes of the source. */
  holds(): Promise<boolean>
}

/** One part of an upload, as the server confirmed it. */
interface SentPart {
  readonly number: number
  readonly etag: string
  readonly crc32: string
}

/** Most parts of one upload. */
const MAX_PARTS = 10_000

/** Stores an object in one request. Fails with status 412 when it must be absent and is not. */
export async function putObject(upload: Upload): Promise<void> {
  const { source, key, encryption } = upload
  const body = await source.piece(0, source.sizeBytes)
  const headers = { ...encryption, ...conditionOf(upload), ...contentOf(body) }
  await settle(upload, () => once(upload, { method: 'PUT', key, headers, body }, { sentBytes: body.length }))
}

/** Stores an object in parts, of which nothing shows before the last request. Fails with status 412 when it must be absent and is not. */
export async function uploadParts(upload: Upload): Promise<void> {
  const { caller, key, encryption } = upload
  const headers = { ...encryption, 'x-amz-checksum-algorithm': 'CRC32' }
  const request: WireRequest = { method: 'POST', key, query: { uploads: '' }, headers }
  const uploadId = await caller.call(async (wire, signal, heard) => {
    const body = wholeBody()
    await wire.send({ ...request, onAnswer: body.onAnswer }, signal, heard)
    const id = textOf(Buffer.from(body.finish()).toString(), 'UploadId')
    if (!id) throw new S3Failure(0, 'no upload id')
    return id
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
async function sendParts({ caller, source, key }: Upload, uploadId: string): Promise<SentPart[]> {
  const partBytes = Math.max(caller.limits.partBytes, Math.ceil(source.sizeBytes / MAX_PARTS))
  const count = Math.ceil(source.sizeBytes / partBytes)
  const send = async (index: number): Promise<SentPart> => {
    const offset = index * partBytes
    const length = Math.min(partBytes, source.sizeBytes - offset)
    const number = index + 1
    return caller.call(
      async (wire, signal, heard) => {
        const body = await source.piece(offset, length)
        const query = { partNumber: String(number), uploadId }
        const { headers } = await wire.send(
          { method: 'PUT', key, query, headers: contentOf(body), body },
          signal,
          heard,
        )
        const etag = headers.get('etag')
        const crc32 = headers.get('x-amz-checksum-crc32')
        if (etag === undefined || crc32 === undefined) throw new S3Failure(0, 'no part checksum')
        return { number, etag, crc32 }
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

/** Puts the parts together. Servers start an answer of 200 before they know, and may say in its body that it went wrong. */
async function complete(upload: Upload, uploadId: string, parts: readonly SentPart[]): Promise<void> {
  const { caller, key } = upload
  const listed = parts.map(({ number, etag, crc32 }) => {
    const fields = `<PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag><ChecksumCRC32>${crc32}</ChecksumCRC32>`
    return `<Part>${fields}</Part>`
  })
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'
  const xml = `<CompleteMultipartUpload xmlns="${namespace}">${listed.join('')}</CompleteMultipartUpload>`
  const headers = { ...conditionOf(upload), 'content-type': 'application/xml' }
  const request: WireRequest = { method: 'POST', key, query: { uploadId }, headers, body: Buffer.from(xml) }
  await settle(upload, () =>
    caller.once(async (wire, signal, heard) => {
      const body = wholeBody()
      await wire.send({ ...request, onAnswer: body.onAnswer }, signal, heard)
      const answer = Buffer.from(body.finish()).toString()
      if (!answer.includes('<CompleteMultipartUploadResult'))
        throw new S3Failure(500, textOf(answer, 'Code') ?? 'Unknown')
    }),
  )
}

const conditionOf = ({ ifAbsent }: Upload): { readonly [name: string]: string } =>
  ifAbsent ? { 'if-none-match': '*' } : {}

const contentOf = (body: Uint8Array): { readonly [name: string]: string } => ({
  'content-type': 'application/octet-stream',
  'x-amz-checksum-crc32': checksumOf(body),
})

async function once({ caller }: Upload, request: WireRequest, options?: CallOptions): Promise<void> {
  await caller.once<AnswerHead>((wire, signal, heard) => wire.send(request, signal, heard), options)
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
async function abandon(upload: Upload, uploadId: string): Promise<void> {
  await once(upload, { method: 'DELETE', key: upload.key, query: { uploadId } }).catch(() => undefined)
}
