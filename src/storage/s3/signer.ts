import type { SignatureV4 } from '@smithy/signature-v4'
import type { S3Access } from './access.ts'
import type { HttpCall } from './connections.ts'
import type { S3Parts } from './parts.ts'
import type { S3Request } from './request.ts'

/** How long a signature is used, milliseconds: servers take one for 15 minutes. */
const USED_MS = 600_000

/** Signatures kept. */
const MOST_KEPT = 1024

/** A request as it is sent, without its body. */
export interface SignedRequest extends Pick<HttpCall, 'origin' | 'path' | 'headers'> {
  readonly signedAt: number
}

/**
 * Signs requests by the SDK's Signature Version 4. That of a GET of an object is kept, and all ranges of the object go by it, because a range is no part of what is signed: so a read costs
 * no signature of its own. Signatures are secrets for as long as they hold, and stay in the memory of the thread that made them.
 */
export class Signer {
  private readonly parts: S3Parts
  private readonly bucketUrl: URL
  private readonly signer: SignatureV4
  private readonly kept = new Map<string, Promise<SignedRequest>>()
  /** The server's clock less ours, milliseconds, where that was heard of. */
  private clockOffset = 0

  constructor(parts: S3Parts, { bucketUrl, region, credentials }: S3Access) {
    this.parts = parts
    this.bucketUrl = bucketUrl
    const sha256 = parts.Hash.bind(null, 'sha256')
    this.signer = new parts.SignatureV4({ service: 's3', region, credentials, sha256, uriEscapePath: false })
  }

  /** Signs a request. Fails as the SDK does when there are no credentials. */
  async of(request: S3Request): Promise<SignedRequest> {
    const { method, key } = request
    if (method !== 'GET' || key === undefined) return this.sign(request)
    const known = await this.kept.get(key)
    if (known && Date.now() - known.signedAt < USED_MS) return known
    const signed = this.sign(request)
    this.kept.delete(key)
    this.kept.set(key, signed)
    if (this.kept.size > MOST_KEPT)
      for (const oldest of [...this.kept.keys()].slice(0, MOST_KEPT / 2)) this.kept.delete(oldest)
    signed.catch(() => this.kept.delete(key))
    return signed
  }

  /** Forgets a signature that the server refused at `date`, by its clock: credentials were changed, or the clocks are apart. */
  refused({ key }: S3Request, date: string | undefined): void {
    if (key !== undefined) this.kept.delete(key)
    const offset = Date.parse(date ?? '') - Date.now()
    if (Number.isFinite(offset)) this.clockOffset = Math.abs(offset) < 60_000 ? 0 : offset
  }

  private async sign({ method, key = '', query = {}, headers, body }: S3Request): Promise<SignedRequest> {
    const { origin, protocol, host, hostname, pathname } = this.bucketUrl
    const path = `${pathname.replace(/\/$/, '')}/${key}`
    const unsigned = { method, protocol, hostname, path, query: { ...query }, headers: { ...headers, host }, body }
    const signedAt = Date.now()
    const signed = await this.signer.sign(unsigned, { signingDate: new Date(signedAt + this.clockOffset) })
    const words = this.parts.buildQueryString(query)
    return { origin, path: words ? `${path}?${words}` : path, headers: signed.headers, signedAt }
  }
}
