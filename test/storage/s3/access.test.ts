import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findAccess, type S3Access } from '../../../src/storage/s3/access.ts'
import * as parts from '../../../src/storage/s3/parts.ts'
import { parseS3Url } from '../../../src/storage/s3/url.ts'
import { ACCESS_KEY, SECRET_KEY, stubCredentials } from '../s3-settings.ts'

let folder: string
beforeEach(async () => {
  stubCredentials()
  folder = await mkdtemp(join(tmpdir(), 'flowreduce-access-'))
})
afterEach(async () => {
  stubCredentials()
  await rm(folder, { recursive: true })
})

const access = (url: string): Promise<S3Access> => findAccess(parts, parseS3Url(url), process.env)

describe('who asks, and where', () => {
  it('is what the variables and the endpoint say, without a look at anything else', async () => {
    process.env.AWS_SESSION_TOKEN = 'token'
    const { bucketUrl, region, credentials } = await access('s3://bucket/p?endpoint=http://127.0.0.1:9000/path')
    expect(bucketUrl.href).toBe('http://127.0.0.1:9000/path/bucket')
    expect(region).toBe('us-east-1')
    const variables = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY, sessionToken: 'token' }
    expect(await credentials()).toEqual(variables)
  })

  it('is what the SDK says of a bucket of AWS, and of one in the name of a host', async () => {
    process.env.AWS_REGION = 'eu-central-1'
    const hrefOf = async (url: string): Promise<string> => (await access(url)).bucketUrl.href
    expect(await hrefOf('s3://bucket/p')).toBe('https://bucket.s3.eu-central-1.amazonaws.com/')
    expect(await hrefOf('s3://bucket/p?region=cn-north-1')).toBe('https://bucket.s3.cn-north-1.amazonaws.com.cn/')
    expect(await hrefOf('s3://dots.bucket/p')).toBe('https://s3.eu-central-1.amazonaws.com/dots.bucket')
    expect(await hrefOf('s3://bucket/p?endpoint=http://minio.example:9000&path-style=false')).toBe(
      'http://bucket.minio.example:9000/',
    )
  })

  it('is the profile that is named, whatever the variables of credentials', async () => {
    const path = join(folder, 'credentials')
    await writeFile(path, '[other]\naws_access_key_id = otherkey\naws_secret_access_key = othersecret\n')
    Object.assign(process.env, { AWS_PROFILE: 'other', AWS_SHARED_CREDENTIALS_FILE: path })
    const { credentials } = await access('s3://bucket/p?endpoint=http://127.0.0.1:9000')
    expect(await credentials()).toMatchObject({ accessKeyId: 'otherkey', secretAccessKey: 'othersecret' })
  })
})
