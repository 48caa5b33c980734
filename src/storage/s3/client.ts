import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { S3Client } from '@aws-sdk/client-s3'
import { StorageError } from '../errors.ts'
import { bucketAt, bucketBySdk } from './endpoint.ts'
import type { Credentials } from './signature.ts'
import { checkEndpoint, type S3Location } from './url.ts'
import { S3Wire } from './wire.ts'

/** The SDK, loaded, and a client of it for one location. */
export interface S3Api {
  readonly sdk: typeof import('./sdk.ts')
  readonly client: S3Client
}

export interface ConnectOptions {
  readonly location: S3Location
  /** Time to open a connection, milliseconds. */
  readonly connectMs: number
  readonly environment: NodeJS.ProcessEnv
}

/** The region of servers that have none; versitygw refuses any other. */
const DEFAULT_REGION = 'us-east-1'

/**
 * Makes the client that sends all requests. It does without the SDK where the variables say what it needs, credentials and region, and the URL names a server;
 * else it asks the SDK, which knows profiles, web identities, containers, instances and the partitions of AWS.
 */
export async function connectWire(options: ConnectOptions, sdk: () => Promise<S3Api>): Promise<S3Wire> {
  const { location, environment, connectMs } = options
  const { bucket, endpoint, pathStyle } = location
  const ca = await certificateAuthorities(environment)
  const known = knownRegion(location, environment)
  const region = known ?? ((await hasProfiles()) ? await (await sdk()).client.config.region() : DEFAULT_REGION)
  const address =
    endpoint === undefined
      ? await bucketBySdk((await sdk()).sdk, { bucket, region, forcePathStyle: pathStyle ?? false })
      : bucketAt(endpoint, bucket, pathStyle ?? true)
  const credentials = async (): Promise<Credentials> =>
    credentialsOfVariables() ?? (await (await sdk()).client.config.credentials())
  return new S3Wire({ address, region, ca, connectMs, credentials })
}

/** The credentials of the variables, which hold unless a profile is named: the rule of the SDK, whose other sources are left to it. */
function credentialsOfVariables(): Credentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env
  if (process.env.AWS_PROFILE || !accessKeyId || !secretAccessKey) return undefined
  return { accessKeyId, secretAccessKey, sessionToken: process.env.AWS_SESSION_TOKEN }
}

/** Loads the SDK (150 ms, so not before it is needed) and makes a client, which is asked and never sends a request for an object. */
export async function connectSdk({ location, environment }: ConnectOptions): Promise<S3Api> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const sdk = await import('./sdk.ts')
  const region = knownRegion(location, environment) ?? (await profileRegion(sdk))
  return { sdk, client: new sdk.S3Client({ region }) }
}

/** The location with what the usual variables add to it; what the URL says goes first. */
export function withEnvironment(location: S3Location, environment: NodeJS.ProcessEnv): S3Location {
  if (location.endpoint !== undefined || environment.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return location
  const endpoint = environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL
  return endpoint ? { ...location, endpoint: checkEndpoint(endpoint) } : location
}

/** The region of the URL, else of the variables. */
function knownRegion({ region }: S3Location, environment: NodeJS.ProcessEnv): string | undefined {
  return region ?? (environment.AWS_REGION || environment.AWS_DEFAULT_REGION || undefined)
}

/** The region of the profile, else the default. */
async function profileRegion(sdk: S3Api['sdk']): Promise<string> {
  const probe = new sdk.S3Client({})
  try {
    return await probe.config.region()
  } catch {
    return DEFAULT_REGION
  } finally {
    probe.destroy()
  }
}

/** Whether there is a file that may hold profiles. */
async function hasProfiles(): Promise<boolean> {
  const { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE } = process.env
  const paths = [
    AWS_CONFIG_FILE || join(homedir(), '.aws/config'),
    AWS_SHARED_CREDENTIALS_FILE || join(homedir(), '.aws/credentials'),
  ]
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path).catch(() => undefined))?.size ?? 0))
  return sizes.some((size) => size > 0)
}

/** Certificates of the file that the AWS tools take them from; the SDK for JavaScript does not read it by itself. */
async function certificateAuthorities(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const path = environment.AWS_CA_BUNDLE
  if (!path) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new StorageError(
      'denied',
      `store: AWS_CA_BUNDLE expected a readable file, got none at ${path}`,
      { path },
      error,
    )
  }
}
