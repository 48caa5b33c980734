import type { S3Parts } from './parts.ts'
import type { S3Location } from './url.ts'

/** Who asks, and where the bucket is. */
export interface S3Access {
  readonly bucketUrl: URL
  readonly region: string
  /** Those that hold now. Fails with a `CredentialsProviderError` when there are none. */
  readonly credentials: () => Promise<S3Credentials>
}

export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** The region of servers that have none; versitygw refuses any other. */
const DEFAULT_REGION = 'us-east-1'

/**
 * Finds out who asks and where. A server other than AWS with credentials in variables needs no more than those; the SDK, which takes longer to load than many runs to read, knows all
 * else: profiles, web identity, containers, instances, and where a bucket of AWS is.
 */
export async function findAccess(
  parts: S3Parts,
  location: S3Location,
  environment: NodeJS.ProcessEnv,
): Promise<S3Access> {
  const { bucket, endpoint, pathStyle = true } = location
  const region = location.region ?? (await configuredRegion(parts, location, environment))
  const credentials = credentialsOf(environment)
  if (endpoint === undefined || !pathStyle || !credentials) return accessOfSdk({ ...location, region })
  return { bucketUrl: new URL(`${endpoint}/${bucket}`), region, credentials: async () => credentials }
}

/** The credentials of the variables, which a profile that is named goes before. */
function credentialsOf(environment: NodeJS.ProcessEnv): S3Credentials | undefined {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE } = environment
  if (AWS_PROFILE || !AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return undefined
  const keys = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY }
  return AWS_SESSION_TOKEN ? { ...keys, sessionToken: AWS_SESSION_TOKEN } : keys
}

/** What a client of the SDK would go by. */
async function accessOfSdk(location: S3Location & { readonly region: string }): Promise<S3Access> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const { GetObjectCommand, S3Client, getEndpointFromInstructions } = await import('./sdk.ts')
  const { bucket, endpoint, region, pathStyle } = location
  const { config } = new S3Client({
    region,
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    ...(endpoint !== undefined && { endpoint }),
  })
  const { url } = await getEndpointFromInstructions({ Bucket: bucket, Key: '' }, GetObjectCommand, { ...config })
  return { bucketUrl: url, region, credentials: () => config.credentials() }
}

/** The region of the variables, else of the profile, else, on AWS, of the instance that asks, else the default. */
async function configuredRegion(
  { loadConfig, NODE_REGION_CONFIG_OPTIONS, NODE_REGION_CONFIG_FILE_OPTIONS }: S3Parts,
  { endpoint }: S3Location,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const named = environment.AWS_REGION || environment.AWS_DEFAULT_REGION
  if (named) return named
  const last = endpoint === undefined ? NODE_REGION_CONFIG_OPTIONS.default : DEFAULT_REGION
  const options = { ...NODE_REGION_CONFIG_OPTIONS, default: last }
  return loadConfig(options, NODE_REGION_CONFIG_FILE_OPTIONS)().catch(() => DEFAULT_REGION)
}
