import { describe, expect, it } from 'vitest'
import { parseListPage } from '../../../src/storage/s3/list-page.ts'

const page = (content: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${content}</ListBucketResult>`
const entry = (key: string): string =>
  `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&#34;d4&#34;</ETag><Size>12</Size><Owner><ID>x</ID></Owner></Contents>`

describe('a page of a listing', () => {
  it('has keys, sizes and times, and where the next one begins', () => {
    const more = '<IsTruncated>true</IsTruncated><NextContinuationToken>1&amp;a&lt;/=</NextContinuationToken>'
    const objects = [
      { key: 'a/b', sizeBytes: 12, modified: Date.UTC(2026, 0, 2, 3, 4, 5, 678) },
      { key: 'c&d "é"', sizeBytes: 12, modified: Date.UTC(2026, 0, 2, 3, 4, 5, 678) },
    ]
    const text = page(`<Name>flows</Name>${more}${entry('a/b')}\n${entry('c&amp;d &quot;&#233;&#x22;')}`)
    expect(parseListPage(text)).toEqual({ objects, next: '1&a</=' })
  })

  it('may be the last, and empty', () => {
    const last = '<IsTruncated>false</IsTruncated><NextContinuationToken>x</NextContinuationToken>'
    expect(parseListPage(page(last))).toEqual({ objects: [], next: undefined })
  })

  it('that is something else is refused', () => {
    for (const text of ['', '<html></html>', page('').slice(0, -5)])
      expect(() => parseListPage(text)).toThrow('no listing')
  })
})
