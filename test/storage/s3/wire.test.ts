import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openS3Store } from '../../../src/storage/s3/s3-store.ts'
import { seededSystem } from '../../../src/storage/system.ts'
import { stubCredentials, stubStore } from '../s3-settings.ts'
import { type S3Stub, startS3Stub } from '../s3-stub.ts'

const loaded = vi.hoisted(() => ({ sdk: 0 }))
vi.mock('../../../src/storage/s3/sdk.ts', async (original) => {
  loaded.sdk++
  return original()
})

let stub: S3Stub
beforeEach(async () => {
  stub = await startS3Stub()
})
afterEach(() => stub.close())

describe('the SDK', () => {
  it('is loaded for a profile, and not where the variables say all', async () => {
    const store = stubStore(stub)
    await store.write('a', new Uint8Array([1, 2, 3]))
    await store.write('b', new Uint8Array(9_000_000))
    expect(await store.read('a')).toEqual(new Uint8Array([1, 2, 3]))
    for await (const { key } of store.list('')) await store.remove(key)
    expect(await store.stat('a')).toBeUndefined()
    expect(loaded.sdk).toBe(0)

    const folder = await mkdtemp(join(tmpdir(), 'flowreduce-profile-'))
    try {
      const file = join(folder, 'credentials')
      const keys = 'aws_access_key_id = profilekey\naws_secret_access_key = profilesecret'
      await writeFile(file, `[other]\n${keys}\nregion = eu-west-3\n`)
      Object.assign(process.env, { AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: 'other' })
      const profiled = openS3Store({ url: store.url, system: seededSystem(1), environment: {} })
      await profiled.write('a', new Uint8Array(1))
    } finally {
      stubCredentials()
      await rm(folder, { recursive: true })
    }
    expect(stub.requests.at(-1)?.headers.authorization).toMatch(/Credential=profilekey\/\d+\/eu-west-3\/s3\//)
    expect(loaded.sdk).toBe(1)
  })
})

describe('a clock that is wrong', () => {
  it('is set by the answer of the server, and the request is sent again', async () => {
    const store = stubStore(stub)
    const date = new Date(Date.now() + 3_600_000)
    stub.inject({ type: 'error', status: 403, code: 'RequestTimeTooSkewed', headers: { date: date.toUTCString() } })
    await store.write('a', new Uint8Array(1))
    const [first, second] = stub.requests.map(({ headers }) => String(headers['x-amz-date']))
    const hourOf = (stamp = ''): number =>
      Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')) / 3_600_000
    expect(hourOf(second) - hourOf(first)).toBeCloseTo(1, 1)
  })
})

describe('a part of an object', () => {
  it('is read into memory of the caller and nowhere beside it', async () => {
    const store = stubStore(stub)
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7)
    await store.write('a', bytes)
    const memory = new Uint8Array(200_020)
    const object = await store.open?.('a')
    expect(await object?.readInto(memory.subarray(10, 200_010), 50_000)).toBe(200_000)
    expect(Buffer.compare(memory.subarray(10, 200_010), bytes.subarray(50_000, 250_000))).toBe(0)
    expect([...memory.subarray(0, 10), ...memory.subarray(200_010)]).toEqual(new Array(20).fill(0))
    expect(await object?.readInto(memory, 299_999)).toBe(1)
  })

  it('is read again into the same memory when it was cut', async () => {
    const store = stubStore(stub)
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7)
    await store.write('a', bytes)
    stub.inject({ type: 'cut' })
    stub.inject({ type: 'cut', orderly: true })
    stub.inject({ type: 'ignore-range' })
    const memory = new Uint8Array(200_000)
    const object = await store.open?.('a')
    expect(await object?.readInto(memory, 50_000)).toBe(200_000)
    expect(Buffer.compare(memory, bytes.subarray(50_000, 250_000))).toBe(0)
  })
})

describe('a connection', () => {
  it('that the server closes while it rests is replaced without a failed request', async () => {
    let connections = 0
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      connections++
      sockets.push(socket)
      socket.on('data', () => socket.write('HTTP/1.1 204 No Content\r\n\r\n'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stubCredentials()
    const { port } = server.address() as AddressInfo
    const url = `s3://bucket/p?endpoint=http://127.0.0.1:${port}`
    const store = openS3Store({ url, system: seededSystem(1), limits: { attempts: 1 } })
    await store.remove('a')
    await store.remove('b')
    expect(connections).toBe(1)
    const [first] = sockets
    first?.end()
    await new Promise((resolve) => first?.once('close', resolve))
    await store.remove('c')
    expect(connections).toBe(2)
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
})
