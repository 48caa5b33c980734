import type { S3Client } from '@aws-sdk/client-s3'
import type { S3RequestPresigner } from '@aws-sdk/s3-request-presigner'
import type { HttpCall } from './connections.ts'
import type { S3Sdk } from './sdk.ts'
import { pathOf } from './sdk-handler.ts'

/** How long a URL holds, seconds, and how long it is used, milliseconds. */
const EXPIRES_S = 900
const USED_MS = 600_000

/** URLs kept. */
const MOST_URLS = 1024

/** Where GETs of one object go: the URL holds the signature. */
export interface SignedUrl extends Pick<HttpCall, 'origin' | 'path'> {
  readonly signedAt: number
}

interface Presigner {
  readonly signer: S3RequestPresigner
  /** The bucket, without a slash at its end. */
  readonly url: URL
}

/**
 * URLs signed by the SDK, one for each object: all ranges of the object go by it, because a range is no part of what is signed. So a read costs no middleware and no signature of its own.
 * They are secrets for as long as they hold, and stay in the memory of the thread that made them.
 */
export class SignedUrls {
  private readonly sdk: S3Sdk
  private readonly client: S3Client
  private readonly bucket: string
  private readonly urls = new Map<string, Promise<SignedUrl>>()
  private presigner: Promise<Presigner> | undefined
  /** The server's clock less ours, milliseconds, where that was heard of. */
  private clockOffset = 0

  constructor(sdk: S3Sdk, client: S3Client, bucket: string) {
    this.sdk = sdk
    this.client = client
    this.bucket = bucket
  }

  /** The URL of an object, by its key in the bucket. Fails as the SDK does when there are no credentials. */
  async of(key: string): Promise<SignedUrl> {
    const known = await this.urls.get(key)
    if (known && Date.now() - known.signedAt < USED_MS) return known
    const signed = this.sign(key)
    this.urls.delete(key)
    this.urls.set(key, signed)
    if (this.urls.size > MOST_URLS)
      for (const oldest of [...this.urls.keys()].slice(0, MOST_URLS / 2)) this.urls.delete(oldest)
    signed.catch(() => this.urls.delete(key))
    return signed
  }

  /** Forgets a URL that the server refused at `date`, by its clock: credentials were changed, or the clocks are apart. */
  refused(key: string, date: string | undefined): void {
    this.urls.delete(key)
    const offset = Date.parse(date ?? '') - Date.now()
    if (Number.isFinite(offset)) this.clockOffset = Math.abs(offset) < 60_000 ? 0 : offset
  }

  private async sign(key: string): Promise<SignedUrl> {
    this.presigner ??= this.prepare()
    const { signer, url } = await this.presigner
    const signedAt = Date.now()
    const request = {
      method: 'GET',
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port !== '' && { port: Number(url.port) }),
      path: `${url.pathname.replace(/\/$/, '')}/${key}`,
      headers: { 'x-amz-checksum-mode': 'ENABLED' },
    }
    const signingDate = new Date(signedAt + this.clockOffset)
    const signed = await signer.presign(request, { expiresIn: EXPIRES_S, signingDate })
    return { origin: url.origin, path: pathOf(signed, this.sdk), signedAt }
  }

  private async prepare(): Promise<Presigner> {
    const { GetObjectCommand, S3RequestPresigner, getEndpointFromInstructions } = this.sdk
    const { config } = this.client
    const input = { Bucket: this.bucket, Key: '' }
    const { url } = await getEndpointFromInstructions(input, GetObjectCommand, { ...config })
    return { signer: new S3RequestPresigner({ ...config }), url }
  }
}
