import { readFile } from 'node:fs/promises'
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { StorageError } from '../errors.ts'
import { Connections } from './connections.ts'
import type { S3Sdk } from './sdk.ts'
import { SdkHandler } from './sdk-handler.ts'
import { SignedUrls } from './signed-urls.ts'
import { checkEndpoint, type S3Location } from './url.ts'

/** What requests to one location go by. */
export interface S3Api {
  readonly sdk: S3Sdk
  readonly client: S3Client
  readonly connections: Connections
  /** For GETs of objects. */
  readonly urls: SignedUrls
}

export interface ConnectOptions {
  readonly location: S3Location
  /** Connections, and so requests, at a time. */
  readonly concurrency: number
  /** Time to open a connection, milliseconds. */
  readonly connectMs: number
  readonly environment: NodeJS.ProcessEnv
}

/** The region of servers that have none; versitygw refuses any other. */
const DEFAULT_REGION = 'us-east-1'

/** Loads the SDK: 50 to 150 ms, so not before a store on S3 is opened. */
export async function loadSdk(): Promise<S3Sdk> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  return import('./sdk.ts')
}

/**
 * Makes a client of the SDK. Credentials come from the SDK's own chain: variables, profile,
 * web identity, container, instance. The SDK tries each request once; retries are ours.
 */
export async function connect(options: ConnectOptions): Promise<S3Api> {
  const { location, environment, concurrency, connectMs } = options
  const sdk = await loadSdk()
  const authorities = await certificateAuthorities(environment)
  const connections = new Connections(sdk, { concurrency, connectMs, authorities })
  const config: S3ClientConfig = {
    region: location.region ?? (await configuredRegion(sdk, location, environment)),
    forcePathStyle: location.pathStyle ?? location.endpoint !== undefined,
    maxAttempts: 1,
    // a request that waits for 100-continue takes a round trip more
    expectContinueHeader: false,
    requestHandler: new SdkHandler(connections, sdk),
  }
  if (location.endpoint !== undefined) config.endpoint = location.endpoint
  const client = new sdk.S3Client(config)
  return { sdk, client, connections, urls: new SignedUrls(sdk, client, location.bucket) }
}

/** The location with what the usual variables add to it; what the URL says goes first. */
export function withEnvironment(location: S3Location, environment: NodeJS.ProcessEnv): S3Location {
  if (location.endpoint !== undefined || environment.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return location
  const endpoint = environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL
  return endpoint ? { ...location, endpoint: checkEndpoint(endpoint) } : location
}

/** The region of the variables, else of the profile, else, on AWS, of the instance that asks, else the default. */
async function configuredRegion(
  { loadConfig, NODE_REGION_CONFIG_OPTIONS, NODE_REGION_CONFIG_FILE_OPTIONS }: S3Sdk,
  { endpoint }: S3Location,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const named = environment.AWS_REGION || environment.AWS_DEFAULT_REGION
  if (named) return named
  const last = endpoint === undefined ? NODE_REGION_CONFIG_OPTIONS.default : DEFAULT_REGION
  const options = { ...NODE_REGION_CONFIG_OPTIONS, default: last }
  return loadConfig(options, NODE_REGION_CONFIG_FILE_OPTIONS)().catch(() => DEFAULT_REGION)
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
