import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { crc32 } from 'node:zlib'

export interface StubRequest {
  readonly method: string
  readonly bucket: string
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

export interface StubAnswer {
  readonly status: number
  readonly headers?: { readonly [name: string]: string }
  readonly body?: Uint8Array
  /** Makes the answer an error of S3. */
  readonly code?: string
  readonly message?: string
}

export interface StubObjects {
  readonly bucket: string
  readonly stored: Map<string, StubObject>
  readonly uploads: Map<string, Map<number, Uint8Array>>
  /** Keys in the order they were written. */
  readonly order: string[]
}

export interface StubObject {
  readonly bytes: Uint8Array
  readonly encryption: string | undefined
  readonly modified: Date
}

export interface ListQuirks {
  readonly hidden?: number
  readonly backwards?: boolean
}

const PAGE = 1000
const MIN_PART_BYTES = 5 * 1024 * 1024

const fail = (status: number, code: string): StubAnswer => ({ status, code })
const xml = (text: string, headers = {}): StubAnswer => ({
  status: 200,
  body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${text}`),
  headers: { 'content-type': 'application/xml', ...headers },
})
const etagOf = (bytes: Uint8Array): string => `"${createHash('md5').update(bytes).digest('hex')}"`

/** CRC-32 as S3 writes it: big-endian, base64. */
export function checksumOf(bytes: Uint8Array): string {
  const word = Buffer.alloc(4)
  word.writeUInt32BE(crc32(bytes))
  return word.toString('base64')
}

/** Carries out one request. Conditions and effects happen in one step, as on a server that keeps its promises. */
export function answer(objects: StubObjects, request: StubRequest, quirks: ListQuirks = {}): StubAnswer {
  const { method, query, key, headers } = request
  if (!headers.authorization?.includes('Signature=') || isExpired(request)) return fail(403, 'AccessDenied')
  if (request.bucket !== objects.bucket) return fail(404, 'NoSuchBucket')
  if (key === '') return list(objects, query, quirks)
  if (query.has('uploads')) return begin(objects, request)
  if (query.has('uploadId')) return multipart(objects, request)
  switch (method) {
    case 'PUT':
      return put(objects, request)
    case 'GET':
    case 'HEAD':
      return get(objects, request)
    case 'DELETE':
      objects.stored.delete(key)
      return { status: 204 }
    default:
      return fail(405, 'MethodNotAllowed')
  }
}

/** True when a signature is older than the 15 minutes that S3 takes it for. */
function isExpired({ headers }: StubRequest): boolean {
  const time = String(headers['x-amz-date']).replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5')
  return !(Date.now() < Date.parse(time) + 900_000)
}

function put(objects: StubObjects, request: StubRequest): StubAnswer {
  const { headers, body } = request
  const claimed = headers['x-amz-checksum-crc32']
  if (headers['content-length'] === undefined) return fail(411, 'MissingContentLength')
  if (claimed === undefined) return fail(400, 'MissingChecksum')
  if (claimed !== checksumOf(body)) return fail(400, 'XAmzContentChecksumMismatch')
  return store(objects, request, body)
}

function store(objects: StubObjects, { key, headers }: StubRequest, bytes: Uint8Array): StubAnswer {
  if (headers['if-none-match'] === '*' && objects.stored.has(key)) return fail(412, 'PreconditionFailed')
  const encryption = headers['x-amz-server-side-encryption']
  objects.stored.set(key, { bytes, encryption: encryption?.toString(), modified: new Date() })
  objects.order.push(key)
  return { status: 200, headers: { etag: etagOf(bytes) } }
}

function get(objects: StubObjects, { key, headers }: StubRequest): StubAnswer {
  const object = objects.stored.get(key)
  if (!object) return fail(404, 'NoSuchKey')
  const { bytes, modified } = object
  const common = { etag: etagOf(bytes), 'last-modified': modified.toUTCString() }
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
  if (!range) {
    const wanted = headers['x-amz-checksum-mode']
    const checksum = wanted === 'ENABLED' ? { 'x-amz-checksum-crc32': checksumOf(bytes) } : {}
    return { status: 200, body: bytes, headers: { ...common, ...checksum, 'content-length': String(bytes.length) } }
  }
  const first = Number(range[1])
  const last = Math.min(Number(range[2]), bytes.length - 1)
  if (first >= bytes.length) return fail(416, 'InvalidRange')
  const contentRange = { 'content-range': `bytes ${first}-${last}/${bytes.length}` }
  return { status: 206, body: bytes.slice(first, last + 1), headers: { ...common, ...contentRange } }
}

function list(objects: StubObjects, query: URLSearchParams, { hidden = 0, backwards = false }: ListQuirks): StubAnswer {
  const prefix = query.get('prefix') ?? ''
  const after = query.get('continuation-token') ?? query.get('start-after') ?? ''
  const unseen = new Set(hidden > 0 ? objects.order.slice(-hidden) : [])
  const keys = [...objects.stored.keys()]
    .filter((key) => key.startsWith(prefix) && key > after && !unseen.has(key))
    .sort()
  const page = keys.slice(0, PAGE)
  const more = keys.length > page.length
  if (backwards) page.reverse()
  const contents = page.map((key) => {
    const { bytes, modified } = objects.stored.get(key) ?? { bytes: '', modified: new Date() }
    return `<Contents><Key>${key}</Key><Size>${bytes.length}</Size><LastModified>${modified.toISOString()}</LastModified></Contents>`
  })
  const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
  return xml(`<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`)
}

function begin(objects: StubObjects, { key, headers }: StubRequest): StubAnswer {
  const uploadId = `upload-${objects.uploads.size + 1}`
  objects.uploads.set(uploadId, new Map())
  if (headers['x-amz-checksum-algorithm'] !== 'CRC32') return fail(400, 'MissingChecksum')
  return xml(
    `<InitiateMultipartUploadResult><Key>${key}</Key><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`,
  )
}

function multipart(objects: StubObjects, request: StubRequest): StubAnswer {
  const { method, query, body, headers } = request
  const uploadId = query.get('uploadId') ?? ''
  const parts = objects.uploads.get(uploadId)
  if (!parts) return fail(404, 'NoSuchUpload')
  if (method === 'DELETE') {
    objects.uploads.delete(uploadId)
    return { status: 204 }
  }
  if (method === 'PUT') {
    if (headers['x-amz-checksum-crc32'] !== checksumOf(body)) return fail(400, 'XAmzContentChecksumMismatch')
    parts.set(Number(query.get('partNumber')), body)
    return { status: 200, headers: { etag: etagOf(body), 'x-amz-checksum-crc32': checksumOf(body) } }
  }
  return complete(objects, request, uploadId, parts)
}

function complete(
  objects: StubObjects,
  request: StubRequest,
  uploadId: string,
  parts: ReadonlyMap<number, Uint8Array>,
): StubAnswer {
  const wanted = [
    ...Buffer.from(request.body)
      .toString()
      .matchAll(/<Part>(.*?)<\/Part>/gs),
  ].map(([, part = '']) => part)
  const pieces: Uint8Array[] = []
  for (const [index, part] of wanted.entries()) {
    const piece = parts.get(Number(/<PartNumber>(\d+)</.exec(part)?.[1]))
    const checksum = /<ChecksumCRC32>(.*?)</.exec(part)?.[1]
    if (!piece || checksum !== checksumOf(piece)) return fail(400, 'InvalidPart')
    if (index < wanted.length - 1 && piece.length < MIN_PART_BYTES) return fail(400, 'EntityTooSmall')
    pieces.push(piece)
  }
  const stored = store(objects, request, new Uint8Array(Buffer.concat(pieces)))
  if (stored.code !== undefined) return stored
  objects.uploads.delete(uploadId)
  return xml(`<CompleteMultipartUploadResult><Key>${request.key}</Key></CompleteMultipartUploadResult>`)
}
