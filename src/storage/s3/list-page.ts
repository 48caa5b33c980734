import { S3Failure } from './failure.ts'
import { textOf } from './xml.ts'

/** One object of a listing, as the server says it. */
export interface ListedObject {
  readonly key: string
  readonly sizeBytes: number
  readonly modified: number
}

/** One page of a listing; `next` asks for the one after it. */
export interface ListPage {
  readonly objects: readonly ListedObject[]
  readonly next: string | undefined
}

/** Reads the answer to ListObjectsV2, whose elements hold text alone. Fails with an `S3Failure` for bytes that are none. */
export function parseListPage(xml: string): ListPage {
  if (!/<ListBucketResult[\s>]/.test(xml) || !xml.includes('</ListBucketResult>')) throw new S3Failure(0, 'no listing')
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, entry = '']) => {
    const modified = Date.parse(textOf(entry, 'LastModified') ?? '')
    return {
      key: textOf(entry, 'Key') ?? '',
      sizeBytes: Number(textOf(entry, 'Size') ?? 0),
      modified: Number.isNaN(modified) ? 0 : modified,
    }
  })
  const rest = xml.replace(/<Contents>.*?<\/Contents>/gs, '')
  const more = textOf(rest, 'IsTruncated') === 'true'
  return { objects, next: more ? textOf(rest, 'NextContinuationToken') : undefined }
}
