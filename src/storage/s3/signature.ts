import { createHash, createHmac } from 'node:crypto'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** A request as it is signed: a path whose parts need no encoding, header names in lower case, `host` among them. */
export interface SignedRequest {
  readonly method: string
  readonly path: string
  readonly query: { readonly [name: string]: string }
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array | undefined
}

/** SHA-256 of nothing. */
const EMPTY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const ALGORITHM = 'AWS4-HMAC-SHA256'

/** Signs requests to S3 in one region (AWS Signature Version 4, "Authenticating Requests: Using the Authorization Header"). Keeps the key of a day. */
export class Signer {
  readonly #region: string
  #key: { readonly day: string; readonly secret: string; readonly bytes: Uint8Array } | undefined

  constructor(region: string) {
    this.#region = region
  }

  /** All header fields to send, the signature among them. `now` is the server's time. */
  sign(request: SignedRequest, credentials: Credentials, now: Date): { readonly [name: string]: string } {
    const time = now.toISOString().replace(/[-:]|\.\d{3}/g, '')
    const day = time.slice(0, 8)
    const hash = request.body?.length ? createHash('sha256').update(request.body).digest('hex') : EMPTY_HASH
    const { accessKeyId, secretAccessKey, sessionToken } = credentials
    const headers: { [name: string]: string } = {
      ...request.headers,
      'x-amz-content-sha256': hash,
      'x-amz-date': time,
      ...(sessionToken && { 'x-amz-security-token': sessionToken }),
    }
    const names = Object.keys(headers).sort()
    const fields = names.map((name) => `${name}:${headers[name]?.trim().replace(/\s+/g, ' ')}\n`).join('')
    const signed = names.join(';')
    const canonical = [request.method, request.path, formatQuery(request.query), fields, signed, hash].join('\n')
    const scope = `${day}/${this.#region}/s3/aws4_request`
    const digest = createHash('sha256').update(canonical).digest('hex')
    const text = [ALGORITHM, time, scope, digest].join('\n')
    const signature = createHmac('sha256', this.#keyOf(day, secretAccessKey)).update(text).digest('hex')
    headers.authorization = `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`
    return headers
  }

  #keyOf(day: string, secret: string): Uint8Array {
    if (this.#key?.day === day && this.#key.secret === secret) return this.#key.bytes
    const parts = [day, this.#region, 's3', 'aws4_request']
    const bytes = parts.reduce<Uint8Array>(
      (key, part) => createHmac('sha256', key).update(part).digest(),
      Buffer.from(`AWS4${secret}`),
    )
    this.#key = { day, secret, bytes }
    return bytes
  }
}

/** A query in the order and encoding in which it is signed; it is sent the same way. */
export function formatQuery(query: { readonly [name: string]: string }): string {
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const pairs = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`)
  return pairs.sort().join('&')
}
