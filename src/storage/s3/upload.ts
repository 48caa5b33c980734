import { crc32 } from '../crc32.ts'
import type { Source } from '../source.ts'
import type { S3Caller } from './caller.ts'
import { readDocument, textOf } from './document.ts'
import { S3Failure } from './failure.ts'
import type { S3Parts } from './parts.ts'

/** One object on its way up, and how to tell whether it got there. */
export interface Upload {
  readonly caller: S3Caller
  readonly source: Source
  readonly ifAbsent: boolean
  /** Key in the bucket. */
  readonly key: string
  /** Headers that ask for encryption. */
  readonly encryption: { readonly [name: string]: string }
  /** True when the object in the store has exactly the bytes of the source. */
  holds(): Promise<boolean>
}

/** Most parts of one upload. */
const MAX_PARTS = 10_000

const TYPE = { 'content-type': 'application/octet-stream' }

/** Stores an object in one request. Fails with status 412 when it must be absent and is not. */
export async function putObject(upload: Upload): Promise<void> {
  const { caller, source, key, encryption } = upload
  const body = await source.piece(0, source.sizeBytes)
  const checksum = { 'x-amz-checksum-crc32': checksumOf(body) }
  const headers = { ...TYPE, ...encryption, ...conditionOf(upload), ...checksum }
  await settle(upload, async () => {
    await caller.once((client, silence) => client.ask({ method: 'PUT', key, headers, body }, silence), {
      sentBytes: body.length,
    })
  })
}

/** Stores an object in parts, of which nothing shows before the last request. Fails with status 412 when it must be absent and is not. */
export async function uploadParts(upload: Upload): Promise<void> {
  const { caller, key, encryption } = upload
  const headers = { ...TYPE, ...encryption, 'x-amz-checksum-algorithm': 'CRC32' }
  const uploadId = await caller.call(async (client, silence) => {
    const answer = await client.ask({ method: 'POST', key, query: { uploads: '' }, headers }, silence)
    return textOf(readDocument(client.parts, answer, 'InitiateMultipartUploadResult'), 'UploadId')
  })
  try {
    const parts = await sendParts(upload, uploadId)
    await complete(upload, uploadId, parts)
  } catch (error) {
    await abandon(upload, uploadId)
    throw error
  }
}

/** A part that is there, by the names that S3 has for what is known of it. */
interface Part {
  readonly PartNumber: number
  readonly ETag: string
  readonly ChecksumCRC32: string
}

/** Sends all parts, waiting for every one before the first failure is thrown. */
async function sendParts({ caller, source, key }: Upload, uploadId: string): Promise<Part[]> {
  const partBytes = Math.max(caller.limits.partBytes, Math.ceil(source.sizeBytes / MAX_PARTS))
  const count = Math.ceil(source.sizeBytes / partBytes)
  const send = async (index: number): Promise<Part> => {
    const offset = index * partBytes
    const length = Math.min(partBytes, source.sizeBytes - offset)
    const PartNumber = index + 1
    const query = { partNumber: String(PartNumber), uploadId }
    return caller.call(
      async (client, silence) => {
        const body = await source.piece(offset, length)
        const ChecksumCRC32 = checksumOf(body)
        const headers = { 'x-amz-checksum-crc32': ChecksumCRC32 }
        const { etag } = (await client.ask({ method: 'PUT', key, query, headers, body }, silence)).headers
        if (etag === undefined) throw new S3Failure(0, 'no ETag')
        return { PartNumber, ETag: etag, ChecksumCRC32 }
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

async function complete(upload: Upload, uploadId: string, parts: readonly Part[]): Promise<void> {
  const { caller, key } = upload
  const headers = { 'content-type': 'application/xml', ...conditionOf(upload) }
  await settle(upload, () =>
    caller.once(async (client, silence) => {
      const body = Buffer.from(completion(client.parts, parts))
      const answer = await client.ask({ method: 'POST', key, query: { uploadId }, headers, body }, silence)
      readDocument(client.parts, answer, 'CompleteMultipartUploadResult')
    }),
  )
}

/** The document that says which parts an object is made of. */
function completion({ XmlNode }: S3Parts, parts: readonly Part[]): string {
  const elements = parts.map(({ ETag, ChecksumCRC32, PartNumber }) => {
    const facts = Object.entries({ ETag, ChecksumCRC32, PartNumber: String(PartNumber) })
    return new XmlNode(
      'Part',
      facts.map(([name, text]) => XmlNode.of(name, text)),
    )
  })
  const root = new XmlNode('CompleteMultipartUpload', elements)
  return root.addAttribute('xmlns', 'http://s3.amazonaws.com/doc/2006-03-01/').toString()
}

const conditionOf = ({ ifAbsent }: Upload): { readonly [name: string]: string } =>
  ifAbsent ? { 'if-none-match': '*' } : {}

/** CRC-32 as S3 has it: big-endian, base64. */
function checksumOf(bytes: Uint8Array): string {
  const word = Buffer.alloc(4)
  word.writeUInt32BE(crc32(bytes))
  return word.toString('base64')
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
async function abandon({ caller, key }: Upload, uploadId: string): Promise<void> {
  await caller
    .once((client, silence) => client.ask({ method: 'DELETE', key, query: { uploadId } }, silence))
    .catch(() => undefined)
}
