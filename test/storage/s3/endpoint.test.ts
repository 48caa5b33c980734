import { describe, expect, it } from 'vitest'
import { bucketAt, bucketBySdk } from '../../../src/storage/s3/endpoint.ts'
import * as sdk from '../../../src/storage/s3/sdk.ts'

const ENDPOINTS = [
  'http://127.0.0.1:9000',
  'http://[::1]:9000',
  'http://minio.example:9000',
  'https://s3.example',
  'https://s3.example/base/path',
]
const BUCKETS = ['flows', 'flows.of.mine', 'flows-2026']

describe('a bucket at an endpoint', () => {
  for (const endpoint of ENDPOINTS)
    for (const bucket of BUCKETS)
      for (const isPathStyle of [true, false])
        it(`lies where the SDK finds it: ${bucket} at ${endpoint}, path style ${isPathStyle}`, async () => {
          const place = { bucket, endpoint, region: 'us-east-1', forcePathStyle: isPathStyle }
          const { host, ...address } = await bucketBySdk(sdk, place)
          const bare = host.replace(/^\[|\]$/g, '')
          expect(bucketAt(endpoint, bucket, isPathStyle)).toEqual({ ...address, host: bare })
        })
})

describe('a bucket of AWS', () => {
  const found = async (region: string, bucket: string, forcePathStyle = false): Promise<string> => {
    const { host, port, path } = await bucketBySdk(sdk, { region, bucket, forcePathStyle })
    return `${host}:${port}${path}`
  }

  it('lies where the rules of the SDK say', async () => {
    expect(await found('eu-central-1', 'flows')).toBe('flows.s3.eu-central-1.amazonaws.com:443/')
    expect(await found('cn-north-1', 'flows')).toBe('flows.s3.cn-north-1.amazonaws.com.cn:443/')
    expect(await found('eu-central-1', 'flows.of.mine')).toBe('s3.eu-central-1.amazonaws.com:443/flows.of.mine/')
    expect(await found('eu-central-1', 'flows', true)).toBe('s3.eu-central-1.amazonaws.com:443/flows/')
  })
})
