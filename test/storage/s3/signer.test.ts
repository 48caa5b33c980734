import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ObjectStore } from '../../../src/storage/store.ts'
import { stubStore } from '../s3-settings.ts'
import { type S3Stub, startS3Stub } from '../s3-stub.ts'

let stub: S3Stub
let store: ObjectStore

beforeEach(async () => {
  stub = await startS3Stub()
  store = stubStore(stub)
  await store.write('a', new Uint8Array([1, 2, 3, 4]))
})
afterEach(async () => {
  vi.useRealTimers()
  await stub.close()
})

const part = (offset: number): Promise<Uint8Array> => store.read('a', { offset, length: 2 })
const gets = (): (typeof stub.requests)[number][] => stub.requests.filter(({ method }) => method === 'GET')
const signedAt = (): unknown[] => gets().map(({ headers }) => headers['x-amz-date'])

describe('signatures of objects', () => {
  it('are one for all ranges of an object, and the range is no part of what is signed', async () => {
    expect([...(await part(0)), ...(await part(2))]).toEqual([1, 2, 3, 4])
    const [first, second] = gets()
    expect(second?.headers.authorization).toBe(first?.headers.authorization)
    for (const { headers } of gets())
      expect(headers.authorization).toContain('SignedHeaders=host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date,')
  })

  it('are signed anew before they expire', async () => {
    await part(0)
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + 9 * 60_000)
    await part(0)
    vi.setSystemTime(Date.now() + 2 * 60_000)
    await part(0)
    const [first, second, third] = signedAt()
    expect(second).toBe(first)
    expect(third).not.toBe(first)
  })

  it('are signed anew once when the server refuses them', async () => {
    stub.inject({ type: 'error', status: 403, code: 'AccessDenied' })
    expect([...(await part(0))]).toEqual([1, 2])
    expect(gets()).toHaveLength(2)
    stub.inject({ type: 'error', status: 400, code: 'ExpiredToken' })
    expect([...(await part(0))]).toEqual([1, 2])
    stub.inject({ type: 'error', status: 403, code: 'AccessDenied' }, { times: 9 })
    await expect(part(0)).rejects.toMatchObject({ code: 'denied' })
    expect(gets()).toHaveLength(6)
  })

  it("are signed by the server's clock when the clocks are apart", async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString()
    stub.inject({ type: 'error', status: 403, code: 'RequestTimeTooSkewed', headers: { date } })
    await part(0)
    const [first = 0, second = 0] = signedAt().map((time) =>
      Date.parse(String(time).replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5')),
    )
    const apart = second - first
    expect(apart).toBeGreaterThan(3_590_000)
    expect(apart).toBeLessThan(3_610_000)
  })
})
