import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ObjectStore } from '../../src/storage/store.ts'
import { stubStore } from './s3-settings.ts'
import { type S3Stub, type StubFault, startS3Stub } from './s3-stub.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const PART = 5 * 1024 * 1024
const large = (fill: number): Uint8Array => new Uint8Array(PART * 2 + 17).fill(fill)

let stub: S3Stub
let store: ObjectStore

beforeEach(async () => {
  stub = await startS3Stub()
  store = stubStore(stub, { silenceMs: 300, removeMs: 600, partBytes: PART })
})
afterEach(() => stub.close())

const sent = (method: string): number => stub.requests.filter((request) => request.method === method).length
const keysOf = async (prefix = ''): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys
}

/** What passes with a second try, whether or not the first took effect. */
const PASSING: readonly StubFault[] = [
  { type: 'error', status: 500, code: 'InternalError' },
  { type: 'error', status: 500, code: 'InternalError', after: true },
  { type: 'error', status: 503, code: 'SlowDown' },
  { type: 'error', status: 503, code: 'SlowDown', after: true },
  { type: 'error', status: 502, code: 'BadGateway' },
  { type: 'error', status: 429, code: 'TooManyRequests' },
  { type: 'error', status: 408, code: 'RequestTimeout' },
  { type: 'error', status: 400, code: 'RequestTimeout' },
  { type: 'error', status: 409, code: 'OperationAborted' },
  { type: 'reset' },
  { type: 'reset', after: true },
  { type: 'silence' },
]
const nameOf = (fault: StubFault): string => JSON.stringify(fault)

describe('every call passes a fault that passes', () => {
  for (const fault of PASSING)
    it(nameOf(fault), async () => {
      stub.inject(fault, { times: 2 })
      await store.write('a', bytesOf('first'))
      stub.inject(fault, { times: 2 })
      await store.write('b', bytesOf('second'), { ifAbsent: true })
      stub.inject(fault, { times: 2 })
      expect(textOf(await store.read('a'))).toBe('first')
      stub.inject(fault, { times: 2 })
      expect(textOf(await store.read('b', { offset: 1, length: 2 }))).toBe('ec')
      stub.inject(fault, { times: 2 })
      expect(await store.stat('a')).toMatchObject({ sizeBytes: 5 })
      stub.inject(fault, { times: 2 })
      expect(await keysOf()).toEqual(['a', 'b'])
      stub.inject(fault, { times: 2 })
      await store.remove('a')
      expect(await keysOf()).toEqual(['b'])
    })

  it('gives up after its tries, says what stood in the way, and leaves no answer open', async () => {
    stub.inject({ type: 'error', status: 503, code: 'SlowDown' }, { times: 100 })
    await expect(store.read('a')).rejects.toMatchObject({ code: 'unavailable', details: { status: 503 } })
    await expect(store.read('a')).rejects.toThrow('read of a expected to work in s3://bucket/p')
    expect(stub.requests).toHaveLength(14)
    await nextTurn()
    expect(stub.openAnswers).toBe(0)
  })
})

describe('one SDK attempt per try', () => {
  it('sends one request for a write, a read, a listing and a conditional write that nobody disturbs', async () => {
    await store.write('a', bytesOf('x'))
    await store.write('b', bytesOf('x'), { ifAbsent: true })
    await store.read('a')
    await keysOf()
    expect(stub.requests.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'GET', 'GET'])
    expect(stub.connections).toBe(1)
  })

  it('does not let the SDK repeat a conditional write behind our back', async () => {
    const once = stubStore(stub, { attempts: 1 })
    stub.inject({ type: 'error', status: 500, code: 'InternalError' })
    await expect(once.write('a', bytesOf('x'), { ifAbsent: true })).rejects.toMatchObject({ code: 'unavailable' })
    expect(sent('PUT')).toBe(1)
  })

  it('never sends a conditional delete or copy, which MinIO carries out regardless', async () => {
    await store.write('a', bytesOf('x'), { ifAbsent: true })
    await store.remove('a')
    await store.write('a', large(1), { ifAbsent: true })
    for (const { method, headers } of stub.requests) {
      expect(headers['if-match']).toBeUndefined()
      expect(headers['x-amz-copy-source']).toBeUndefined()
      if (method === 'DELETE') expect(headers['if-none-match']).toBeUndefined()
    }
  })
})

describe('a conditional write whose reply was lost', () => {
  for (const fault of [
    { type: 'reset', after: true },
    { type: 'error', status: 500, code: 'InternalError', after: true },
  ] as const) {
    it(`wins when the object is byte for byte its own, after ${nameOf(fault)}`, async () => {
      stub.inject(fault)
      await store.write('a', bytesOf('mine'), { ifAbsent: true })
      expect(sent('PUT')).toBe(2)
      expect(textOf(await store.read('a'))).toBe('mine')
    })
  }

  it('loses when another writer was first', async () => {
    const other = stubStore(stub)
    stub.inject({ type: 'reset' }, { when: ({ body }) => textOf(body) === 'mine' })
    const attempt = store.write('a', bytesOf('mine'), { ifAbsent: true })
    await other.write('a', bytesOf('hers'), { ifAbsent: true })
    await expect(attempt).rejects.toMatchObject({ code: 'exists' })
    expect(textOf(await store.read('a'))).toBe('hers')
  })

  it('loses when the other object differs in one byte of many', async () => {
    const other = large(1)
    other[other.length - 1] = 2
    stub.objects.stored.set('p/a', { bytes: other, encryption: undefined, modified: new Date() })
    stub.inject({ type: 'error', status: 404, code: 'NotFound' }, { when: ({ method }) => method === 'HEAD' })
    stub.inject(
      { type: 'reset', after: true },
      { when: ({ method, query }) => method === 'POST' && query.has('uploadId') },
    )
    await expect(store.write('a', large(1), { ifAbsent: true })).rejects.toMatchObject({ code: 'exists' })
  })

  it('wins when even the last try got no answer but the object is there', async () => {
    stub.inject({ type: 'reset', after: true }, { times: 7, when: ({ method }) => method === 'PUT' })
    await store.write('a', bytesOf('mine'), { ifAbsent: true })
    expect(sent('PUT')).toBe(7)
  })

  it('does not read back when no try can have taken effect', async () => {
    await store.write('a', bytesOf('same'), { ifAbsent: true })
    await expect(store.write('a', bytesOf('same'), { ifAbsent: true })).rejects.toMatchObject({ code: 'exists' })
    expect(sent('GET') + sent('HEAD')).toBe(0)
  })
})

describe('409 from a conditional write', () => {
  it('is a lost race when the other writer made it', async () => {
    await store.write('a', bytesOf('hers'))
    stub.inject({ type: 'error', status: 409, code: 'ConditionalRequestConflict' })
    await expect(store.write('a', bytesOf('mine'), { ifAbsent: true })).rejects.toMatchObject({ code: 'exists' })
  })

  it('is tried again when the other writer did not', async () => {
    stub.inject({ type: 'error', status: 409, code: 'ConditionalRequestConflict' })
    await store.write('a', bytesOf('mine'), { ifAbsent: true })
    expect(textOf(await store.read('a'))).toBe('mine')
  })

  it('is no race when the key lies beside a part of it', async () => {
    for (const code of ['ObjectParentIsFile', 'ExistingObjectIsDirectory']) {
      stub.inject({ type: 'error', status: 409, code }, { times: 9 })
      await expect(store.write('a/b', bytesOf('x'))).rejects.toMatchObject({ code: expect.stringMatching(/bad-key/) })
    }
  })
})

describe('answers to HEAD, which have no code', () => {
  it('are told apart by status', async () => {
    const head = (status: number): void => stub.inject({ type: 'error', status, code: '' }, { times: 9 })
    expect(await store.stat('none')).toBeUndefined()
    head(403)
    await expect(store.stat('a')).rejects.toMatchObject({ code: 'denied' })
  })
})

describe('bodies', () => {
  for (const fault of [
    { type: 'cut' },
    { type: 'cut', orderly: true },
    { type: 'flip' },
    { type: 'silence', bodyBytes: 3 },
  ] as const)
    it(`are read again when broken by ${nameOf(fault)}, and the broken one is let go of`, async () => {
      await store.write('a', bytesOf('0123456789'))
      stub.inject(fault, { times: 2 })
      expect(textOf(await store.read('a'))).toBe('0123456789')
      expect(sent('GET')).toBe(3)
      await nextTurn()
      await nextTurn()
      expect(stub.openAnswers).toBe(0)
    })

  it('that never match their checksum are corrupt', async () => {
    await store.write('a', bytesOf('0123456789'))
    stub.inject({ type: 'flip' }, { times: 99 })
    await expect(store.read('a')).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('of a range must be that range, and are cut out when the server sends everything', async () => {
    await store.write('a', bytesOf('0123456789'))
    stub.inject({ type: 'ignore-range' }, { times: 3 })
    expect(textOf(await store.read('a', { offset: 3, length: 4 }))).toBe('3456')
    expect(textOf(await store.read('a', { offset: 8, length: 40 }))).toBe('89')
    expect(textOf(await store.read('a', { offset: 30, length: 4 }))).toBe('')
  })

  it('go up with their length and checksum, signed for us-east-1', async () => {
    await store.write('a', bytesOf('x'))
    await store.write('b', new Uint8Array(0))
    await store.write('c', large(1))
    for (const { method, headers, body } of stub.requests) {
      expect(headers.authorization).toContain('/us-east-1/s3/')
      if (method !== 'PUT') continue
      expect(headers['content-length']).toBe(String(body.length))
      expect(headers['x-amz-checksum-crc32']).toBeDefined()
      expect(headers.expect).toBeUndefined()
    }
  })

  it('that arrive broken at the server are sent again', async () => {
    stub.inject({ type: 'error', status: 400, code: 'XAmzContentChecksumMismatch' })
    stub.inject({ type: 'error', status: 400, code: 'BadDigest' })
    await store.write('a', bytesOf('x'))
    expect(sent('PUT')).toBe(3)
  })
})

describe('large objects', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flowreduce-s3-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('go up in parts with a checksum each, and show only when whole', async () => {
    const path = join(folder, 'large')
    await writeFile(path, large(7))
    stub.inject(
      { type: 'error', status: 503, code: 'SlowDown' },
      { times: 4, when: ({ query }) => query.has('partNumber') },
    )
    await store.write('a', { path }, { ifAbsent: true })
    expect(Buffer.compare(await store.read('a'), large(7))).toBe(0)
    expect(stub.objects.uploads.size).toBe(0)
  })

  it('leave nothing when a part never gets through', async () => {
    stub.inject(
      { type: 'error', status: 403, code: 'AccessDenied' },
      { when: ({ query }) => query.get('partNumber') === '2' },
    )
    await expect(store.write('a', large(1))).rejects.toMatchObject({ code: 'denied' })
    expect(await store.stat('a')).toBeUndefined()
    expect(stub.objects.uploads.size).toBe(0)
  })

  it('win when the reply to the last request was lost and the upload is gone', async () => {
    for (const ifAbsent of [false, true]) {
      const key = `lost-${ifAbsent}`
      stub.inject(
        { type: 'reset', after: true },
        { when: ({ method, query }) => method === 'POST' && query.has('uploadId') },
      )
      await store.write(key, large(3), { ifAbsent })
      expect(Buffer.compare(await store.read(key), large(3))).toBe(0)
    }
  })

  it('are not sent at all when they must be absent and are not', async () => {
    await store.write('a', bytesOf('x'))
    await expect(store.write('a', large(3), { ifAbsent: true })).rejects.toMatchObject({ code: 'exists' })
    expect(sent('PUT')).toBe(1)
    expect(sent('POST')).toBe(0)
  })
})

describe('listings', () => {
  it('out of order are refused', async () => {
    for (const key of ['a', 'b', 'c']) await store.write(key, bytesOf(key))
    stub.inject({ type: 'unsorted-list' })
    await expect(keysOf()).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('that are stale cannot make a conditional write win twice', async () => {
    await store.write('log/1', bytesOf('x'), { ifAbsent: true })
    stub.inject({ type: 'stale-list', hidden: 1 })
    expect(await keysOf('log/')).toEqual([])
    await expect(store.write('log/1', bytesOf('y'), { ifAbsent: true })).rejects.toMatchObject({ code: 'exists' })
  })

  it('leave out what no key can name', async () => {
    for (const key of ['p/ok', 'p/', 'p/a b', 'p//x', 'p/.tmp/x', 'pq', 'other/x'])
      stub.objects.stored.set(key, { bytes: bytesOf('x'), encryption: undefined, modified: new Date() })
    expect(await keysOf()).toEqual(['ok'])
  })
})

describe('removals', () => {
  it('wait longer than other calls, for MinIO holds them up behind a stalled reader', async () => {
    const patient = stubStore(stub, { silenceMs: 50, removeMs: 5000, attempts: 1 })
    await store.write('a', bytesOf('x'))
    stub.inject({ type: 'silence' }, { times: 2 })
    await expect(patient.stat('a')).rejects.toThrow('no answer within 50 ms')
    const asked = performance.now()
    const impatient = stubStore(stub, { silenceMs: 5000, removeMs: 100, attempts: 1 })
    await expect(impatient.remove('a')).rejects.toThrow('no answer within 100 ms')
    expect(performance.now() - asked).toBeGreaterThan(90)
  })
})
