import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../src/storage/open.ts'
import { openS3Store } from '../../src/storage/s3/s3-store.ts'
import type { ObjectStore } from '../../src/storage/store.ts'
import { seededSystem } from '../../src/storage/system.ts'
import { ACCESS_KEY, SECRET_KEY, stubCredentials, stubStore } from './s3-settings.ts'
import { type S3Stub, startS3Stub } from './s3-stub.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))
const TOKEN = 'testtoken-89abcdef'

/** Everything that a log, a run record or a terminal could show of an error. */
function everythingOf(error: unknown): string {
  const own = error instanceof Error ? JSON.stringify(error, Object.getOwnPropertyNames(error)) : ''
  return (
    inspect(error, { depth: 20, showHidden: true }) + own + (error instanceof Error ? everythingOf(error.cause) : '')
  )
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('expected a failure'),
    (error: unknown) => error,
  )
}

let stub: S3Stub
beforeEach(async () => {
  stub = await startS3Stub()
})
afterEach(() => stub.close())

describe('secrets', () => {
  it('stay out of every error, even when the server repeats all headers', async () => {
    const store = stubStore(stub)
    process.env.AWS_SESSION_TOKEN = TOKEN
    stub.inject({ type: 'echo' }, { times: 20 })
    const large = new Uint8Array(9_000_000)
    const list = async (): Promise<void> => {
      for await (const _ of store.list(''));
    }
    const calls = [
      () => store.read('a'),
      () => store.write('a', large),
      () => store.write('a', large.subarray(0, 9)),
      () => store.remove('a'),
      list,
    ]
    for (const call of calls) {
      const error = await errorOf(call())
      expect(error).toMatchObject({ code: 'denied' })
      const shown = everythingOf(error)
      expect(shown).toContain('SignatureDoesNotMatch')
      for (const secret of [ACCESS_KEY, SECRET_KEY, TOKEN, 'Credential=', 'Signature='])
        expect(shown).not.toContain(secret)
    }
    for (const { headers } of stub.requests) expect(headers['x-amz-security-token']).toBe(TOKEN)
  })

  it('are refused in a URL and in an endpoint, and the refusal does not repeat them', async () => {
    const urls = [
      `s3://${ACCESS_KEY}:${SECRET_KEY}@bucket/prefix`,
      `s3://bucket/prefix?endpoint=http://${ACCESS_KEY}:${SECRET_KEY}@host:9000`,
      `s3://bucket/prefix?endpoint=http://host:9000/?secret=${SECRET_KEY}`,
      `s3://bucket/prefix?secret-access-key=${SECRET_KEY}`,
      `http://${ACCESS_KEY}:${SECRET_KEY}@host/x`,
    ]
    for (const url of urls) {
      const error = await errorOf(openStore(url))
      expect(error).toMatchObject({ code: 'bad-url' })
      expect(everythingOf(error)).not.toContain(SECRET_KEY)
    }
    const error = await errorOf(openStore('s3://bucket/p', { endpoint: `http://u:${SECRET_KEY}@host` }))
    expect(error).toMatchObject({ code: 'bad-url' })
    expect(everythingOf(error)).not.toContain(SECRET_KEY)
  })

  it('are not in the URL of an open store, which opens it again', async () => {
    const store = stubStore(stub, {}, '&region=eu-central-1&path-style=true&sse=aws:kms&sse-kms-key-id=key/1')
    expect(store.url).toBe(
      `s3://bucket/p?endpoint=${stub.endpoint}&region=eu-central-1&path-style=true&sse=aws:kms&sse-kms-key-id=key/1`,
    )
    expect((await openStore(store.url)).url).toBe(store.url)
  })

  it('that are missing are an error that says where they belong, without a try', async () => {
    const store = stubStore(stub)
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) delete process.env[name]
    process.env.AWS_EC2_METADATA_DISABLED = 'true'
    await expect(store.read('a')).rejects.toMatchObject({ code: 'denied' })
    await expect(store.read('a')).rejects.toThrow('credentials expected in AWS variables or a profile')
    expect(stub.requests).toHaveLength(0)
  })
})

describe('server-side encryption', () => {
  it('is asked for with every object, in one piece or in parts', async () => {
    const store = stubStore(stub, {}, '&sse=aws:kms&sse-kms-key-id=alias/flows')
    await store.write('a', new Uint8Array(3))
    await store.write('b', new Uint8Array(9_000_000), { ifAbsent: true })
    const asking = stub.requests.filter(({ headers }) => headers['x-amz-server-side-encryption'] === 'aws:kms')
    expect(asking.map(({ method, query }) => `${method} ${[...query.keys()]}`)).toEqual(['PUT ', 'POST uploads'])
    for (const { headers } of asking) expect(headers['x-amz-server-side-encryption-aws-kms-key-id']).toBe('alias/flows')
  })

  it('is not asked for otherwise', async () => {
    await stubStore(stub).write('a', new Uint8Array(3))
    expect(stub.requests[0]?.headers['x-amz-server-side-encryption']).toBeUndefined()
  })
})

describe('TLS', () => {
  let secure: S3Stub
  beforeEach(async () => {
    secure = await startS3Stub({
      tls: { key: await readFile(fixture('loopback.key')), cert: await readFile(fixture('loopback.crt')) },
    })
    stubCredentials()
  })
  afterEach(() => secure.close())
  const open = (environment: NodeJS.ProcessEnv): ObjectStore =>
    openS3Store({ url: `s3://bucket/p?endpoint=${secure.endpoint}`, system: seededSystem(1), environment })

  it('works with a certificate of an authority that AWS_CA_BUNDLE names', async () => {
    const store = open({ AWS_CA_BUNDLE: fixture('loopback.crt') })
    await store.write('a', new Uint8Array([1, 2, 3]))
    expect(await store.read('a')).toEqual(new Uint8Array([1, 2, 3]))
  })

  it('refuses a certificate nobody vouches for, without trying again', async () => {
    await expect(open({}).read('a')).rejects.toThrow('DEPTH_ZERO_SELF_SIGNED_CERT')
    expect(secure.requests).toHaveLength(0)
    expect(secure.connections).toBe(1)
  })

  it('names a bundle that cannot be read', async () => {
    await expect(open({ AWS_CA_BUNDLE: '/no/such/bundle' }).read('a')).rejects.toThrow('got none at /no/such/bundle')
  })
})

describe('settings', () => {
  const environmentUrl = (environment: NodeJS.ProcessEnv, url = 's3://bucket/p', endpoint?: string): string =>
    openS3Store({ url, environment, endpoint }).url

  it('take the endpoint from the URL, then the option, then the variables', () => {
    const both = { AWS_ENDPOINT_URL_S3: 'http://s3.example', AWS_ENDPOINT_URL: 'http://all.example' }
    expect(environmentUrl({})).toBe('s3://bucket/p')
    expect(environmentUrl(both)).toBe('s3://bucket/p?endpoint=http://s3.example')
    expect(environmentUrl({ AWS_ENDPOINT_URL: 'http://all.example/' })).toBe(
      's3://bucket/p?endpoint=http://all.example',
    )
    expect(environmentUrl(both, 's3://bucket/p', 'http://option.example')).toContain('option.example')
    expect(environmentUrl(both, 's3://bucket/p?endpoint=http://url.example', 'http://option.example')).toContain(
      'url.example',
    )
    expect(environmentUrl({ ...both, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' })).toBe('s3://bucket/p')
  })

  it('take the region from the URL, then the variables, then the profile, then the default', async () => {
    const regionOf = async (parameters: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> => {
      const url = `s3://bucket/p?endpoint=${stub.endpoint}${parameters}`
      await openS3Store({ url, environment, system: seededSystem(1) }).write('a', new Uint8Array(1))
      return /\/\d{8}\/([a-z0-9-]+)\/s3\//.exec(stub.requests.at(-1)?.headers.authorization ?? '')?.[1]
    }
    stubCredentials()
    expect(await regionOf('', {})).toBe('us-east-1')
    expect(await regionOf('', { AWS_DEFAULT_REGION: 'eu-west-2' })).toBe('eu-west-2')
    expect(await regionOf('', { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2' })).toBe('eu-west-1')
    expect(await regionOf('&region=eu-north-1', { AWS_REGION: 'eu-west-1' })).toBe('eu-north-1')
  })

  it('name a bucket that is not there and a server that does not answer', async () => {
    stubCredentials()
    const open = (url: string): ObjectStore => openS3Store({ url, system: seededSystem(1) })
    await expect(open(`s3://other/p?endpoint=${stub.endpoint}`).write('a', new Uint8Array(1))).rejects.toThrow(
      `bucket expected at s3://other/p?endpoint=${stub.endpoint}, got NoSuchBucket`,
    )
    const gone = await startS3Stub()
    await gone.close()
    await expect(open(`s3://bucket/p?endpoint=${gone.endpoint}`).read('a')).rejects.toThrow('ECONNREFUSED')
  })
})
