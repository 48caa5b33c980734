import { StorageError } from '../errors.ts'
import { isKey } from '../key.ts'

/** Where an S3 store lies and how to reach it; never a credential. */
export interface S3Location {
  readonly bucket: string
  /** Keys of the store begin with this and `/` in the bucket; empty for the whole bucket. */
  readonly prefix: string
  /** URL of a server other than AWS. */
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
  /** Bucket in the path instead of the host name; by default with an endpoint and only then. */
  readonly pathStyle?: boolean | undefined
  /** Server-side encryption asked for with every object. */
  readonly encryption?: S3Encryption | undefined
  readonly kmsKeyId?: string | undefined
}

export type S3Encryption = 'AES256' | 'aws:kms' | 'aws:kms:dsse'

const ENCRYPTIONS: readonly S3Encryption[] = ['AES256', 'aws:kms', 'aws:kms:dsse']
const PARAMETERS = ['endpoint', 'region', 'path-style', 'sse', 'sse-kms-key-id']
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/** Longest prefix, bytes: with the longest key it stays below the 1,024 that S3 allows. */
const MAX_PREFIX_BYTES = 240

/** Parses `s3://bucket/prefix?endpoint=URL&region=R&path-style=true&sse=aws:kms&sse-kms-key-id=ID`; all parameters are optional. */
export function parseS3Url(url: string): S3Location {
  const match = /^s3:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url)
  if (!match) throw bad('s3://bucket/prefix', 'another form')
  const [, bucket = '', path = '', query = ''] = match
  if (bucket.includes('@') || bucket.includes(':'))
    throw bad('a bucket, and credentials in the environment', 'credentials in the URL')
  if (!BUCKET.test(bucket)) throw bad('a bucket name', JSON.stringify(bucket))
  const prefix = path.replace(/\/$/, '')
  if (prefix !== '' && (!isKey(prefix) || prefix.length > MAX_PREFIX_BYTES))
    throw bad('a prefix of parts of [A-Za-z0-9][A-Za-z0-9._-]*', JSON.stringify(prefix))
  const parameters = new URLSearchParams(query)
  for (const name of parameters.keys())
    if (!PARAMETERS.includes(name)) throw bad(`parameters among ${PARAMETERS.join(', ')}`, JSON.stringify(name))
  return { bucket, prefix, ...settings(parameters) }
}

function settings(parameters: URLSearchParams): Omit<S3Location, 'bucket' | 'prefix'> {
  const get = (name: string): string | undefined => parameters.get(name) ?? undefined
  const endpoint = get('endpoint')
  const pathStyle = get('path-style')
  if (pathStyle !== undefined && pathStyle !== 'true' && pathStyle !== 'false')
    throw bad('path-style true or false', JSON.stringify(pathStyle))
  const sse = get('sse')
  const encryption = ENCRYPTIONS.find((known) => known === sse)
  if (sse !== undefined && encryption === undefined)
    throw bad(`sse among ${ENCRYPTIONS.join(', ')}`, JSON.stringify(sse))
  return {
    endpoint: endpoint === undefined ? undefined : checkEndpoint(endpoint),
    region: get('region'),
    pathStyle: pathStyle === undefined ? undefined : pathStyle === 'true',
    encryption,
    kmsKeyId: get('sse-kms-key-id'),
  }
}

/** Refuses an endpoint that is not an http or https URL of a server, or that holds credentials; the message never repeats those. */
export function checkEndpoint(endpoint: string): string {
  const parsed = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:')
    throw bad('endpoint http://HOST:PORT or https://HOST:PORT', parsed ? parsed.protocol : 'no URL')
  if (parsed.username !== '' || parsed.password !== '' || parsed.search !== '')
    throw bad('endpoint without credentials or parameters', 'some')
  return parsed.href.replace(/\/$/, '')
}

/** The URL that opens this location again, its parameters in a fixed order. */
export function formatS3Url(location: S3Location): string {
  const { bucket, prefix, endpoint, region, pathStyle, encryption, kmsKeyId } = location
  const values = [endpoint, region, pathStyle?.toString(), encryption, kmsKeyId]
  const query = PARAMETERS.flatMap((name, i) => {
    const value = values[i]
    return value === undefined ? [] : [`${name}=${encodeURIComponent(value).replace(/%(3A|2F)/g, decodeURIComponent)}`]
  })
  return `s3://${bucket}${prefix && `/${prefix}`}${query.length > 0 ? `?${query.join('&')}` : ''}`
}

function bad(expected: string, got: string): StorageError {
  return new StorageError('bad-url', `store: s3 URL expected ${expected}, got ${got}`)
}
