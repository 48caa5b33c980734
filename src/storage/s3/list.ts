import { isKey } from '../key.ts'
import type { ObjectEntry } from '../store.ts'
import type { S3Caller } from './caller.ts'
import { elementsOf, readDocument, textOf } from './document.ts'

/** Entries that follow each other in a bucket. */
export interface Page {
  readonly entries: readonly ObjectEntry[]
  /** What the next page is asked for by; none after the last. */
  readonly next: string | undefined
}

export interface PageOptions {
  /** What keys of the store begin with in the bucket; entries are without it. */
  readonly root: string
  readonly prefix: string
  readonly startAfter: string
  readonly token: string | undefined
}

/** Lists a page of the objects whose keys start with a prefix (ListObjectsV2). */
export async function listPage(caller: S3Caller, { root, prefix, startAfter, token }: PageOptions): Promise<Page> {
  const query = {
    'list-type': '2',
    prefix: root + prefix,
    ...(token !== undefined && { 'continuation-token': token }),
    ...(token === undefined && startAfter !== '' && { 'start-after': root + startAfter }),
  }
  return caller.call(async (client, silence) => {
    const answer = await client.ask({ method: 'GET', query }, silence)
    const page = readDocument(client.parts, answer, 'ListBucketResult')
    const entries = elementsOf(page.Contents).flatMap(({ Key, Size, LastModified }) => {
      const key = typeof Key === 'string' && Key.startsWith(root) ? Key.slice(root.length) : ''
      return isKey(key) ? [{ key, sizeBytes: Number(Size), modified: Date.parse(String(LastModified)) || 0 }] : []
    })
    return { entries, next: page.IsTruncated === 'true' ? textOf(page, 'NextContinuationToken') : undefined }
  })
}
