import { isIP } from 'node:net'
import type { S3Api } from './client.ts'

/** Where requests for a bucket go. */
export interface BucketAddress {
  readonly isSecure: boolean
  readonly host: string
  readonly port: number
  /** Path of the bucket, ending in `/`; a key follows. */
  readonly path: string
}

/** The address of a bucket at a server that a URL names; by a host name of its own where that can be, unless `isPathStyle`. */
export function bucketAt(endpoint: string, bucket: string, isPathStyle: boolean): BucketAddress {
  const { protocol, hostname, port, pathname } = new URL(endpoint)
  const isSecure = protocol === 'https:'
  const host = hostname.replace(/^\[|\]$/g, '')
  // A certificate for one level of names covers no bucket with a dot.
  const hasHost = !isPathStyle && isIP(host) === 0 && !bucket.includes('.')
  const server = { isSecure, port: Number(port) || (isSecure ? 443 : 80) }
  const base = pathname.endsWith('/') ? pathname : `${pathname}/`
  return hasHost ? { ...server, host: `${bucket}.${host}`, path: base } : { ...server, host, path: `${base}${bucket}/` }
}

/** What the SDK's rules depend on beside its own variables and profiles. */
export interface SdkPlace {
  readonly bucket: string
  readonly region: string
  readonly forcePathStyle: boolean
  readonly endpoint?: string
}

/** The address of a bucket by the SDK's own rules, of which there are many: partitions of AWS, profiles, FIPS, access points. */
export async function bucketBySdk(sdk: S3Api['sdk'], { bucket, ...place }: SdkPlace): Promise<BucketAddress> {
  // Nothing is sent, but the SDK wants to have something to sign with.
  const client = new sdk.S3Client({ ...place, credentials: { accessKeyId: 'none', secretAccessKey: 'none' } })
  const Key = 'key'
  const command = new sdk.HeadObjectCommand({ Bucket: bucket, Key })
  let address: BucketAddress | undefined
  command.middlewareStack.add(
    () => async (args) => {
      const { protocol, hostname, port, path } = args.request as AddressedRequest
      const isSecure = protocol === 'https:'
      const place = { isSecure, host: hostname, port: port ?? (isSecure ? 443 : 80) }
      address = { ...place, path: path.slice(0, -Key.length) }
      return { output: { $metadata: {} }, response: undefined }
    },
    { step: 'build', priority: 'low', name: 'noteAddress' },
  )
  await client.send(command).finally(() => client.destroy())
  if (!address) throw new Error(`s3: address of ${bucket} expected from the SDK, got none`)
  return address
}

/** The part of a request of the SDK that says where it goes. */
interface AddressedRequest {
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
}
