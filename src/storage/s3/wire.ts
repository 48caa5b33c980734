import type { AnswerHead, BodySink } from './answer.ts'
import { AnswerReader } from './answer.ts'
import { Connections } from './connection.ts'
import type { BucketAddress } from './endpoint.ts'
import { S3Failure } from './failure.ts'
import { type Credentials, formatQuery, Signer } from './signature.ts'

export interface WireRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Whole key in the bucket; empty for the bucket itself. */
  readonly key: string
  readonly query?: { readonly [name: string]: string }
  /** Names in lower case. */
  readonly headers?: { readonly [name: string]: string }
  readonly body?: Uint8Array
  /** Where the body of an answer of 2xx goes; without this it is dropped. */
  readonly onAnswer?: (head: AnswerHead) => BodySink
}

export interface WireOptions {
  readonly address: BucketAddress
  readonly region: string
  readonly ca: string | undefined
  readonly connectMs: number
  credentials(): Promise<Credentials>
}

/** An error says what it is in its first kilobytes. */
const MAX_ERROR_BYTES = 64 * 1024

/** Clocks that are further apart are told to the server as its own shows, milliseconds. */
const MAX_SKEW_MS = 300_000

/**
 * Sends requests to one bucket, each once, over connections of its own. Not by the SDK: its functions and Node's HTTP client take several times what a request
 * by itself costs, and 150 ms to load in each thread.
 */
export class S3Wire {
  readonly #options: WireOptions
  readonly #connections: Connections
  readonly #signer: Signer
  readonly #host: string
  #skewMs = 0

  constructor(options: WireOptions) {
    const { address, region, ca, connectMs } = options
    const { host, port, isSecure } = address
    this.#options = options
    this.#connections = new Connections({ host, port, isSecure, ca, connectMs })
    this.#signer = new Signer(region)
    const name = host.includes(':') ? `[${host}]` : host
    this.#host = port === (isSecure ? 443 : 80) ? name : `${name}:${port}`
  }

  /** Sends a request and takes in the whole answer. Fails with an `S3Failure` for any but 2xx, else with what broke; `heard` is called with every piece. */
  async send(request: WireRequest, signal: AbortSignal, heard: () => void): Promise<AnswerHead> {
    const head = await this.#headOf(request)
    const sentAt = Date.now()
    const error: { bytes: number; readonly parts: Uint8Array[] } = { bytes: 0, parts: [] }
    const noteError = (piece: Uint8Array): void => {
      error.bytes += piece.length
      if (error.bytes <= MAX_ERROR_BYTES) error.parts.push(piece.slice())
    }
    let answer: AnswerHead | undefined
    const reader = new AnswerReader({
      hasBody: request.method !== 'HEAD',
      onHead: (found) => {
        answer = found
        heard()
        const sink = isGood(found) ? (request.onAnswer?.(found) ?? (() => {})) : noteError
        return (piece) => {
          heard()
          sink(piece)
        }
      },
    })
    await this.#connections.exchange(request.body ? [head, request.body] : [head], reader, signal)
    if (!answer) throw new S3Failure(0, 'no answer')
    if (isGood(answer)) return answer
    this.#noteSkew(answer, sentAt)
    throw failureIn(answer, Buffer.concat(error.parts).toString())
  }

  async #headOf({ method, key, query = {}, headers = {}, body }: WireRequest): Promise<Uint8Array> {
    const credentials = await this.#options.credentials()
    const { path: bucketPath } = this.#options.address
    const path = key === '' ? bucketPath.replace(/(?<=.)\/$/, '') : bucketPath + key
    const length = method === 'PUT' || method === 'POST' ? { 'content-length': String(body?.length ?? 0) } : {}
    const unsigned = { method, path, query, body, headers: { host: this.#host, ...headers, ...length } }
    const signed = this.#signer.sign(unsigned, credentials, new Date(Date.now() + this.#skewMs))
    const target = Object.keys(query).length > 0 ? `${path}?${formatQuery(query)}` : path
    const fields = Object.entries(signed).map(([name, value]) => `${name}: ${value}\r\n`)
    return Buffer.from(`${method} ${target} HTTP/1.1\r\n${fields.join('')}user-agent: flowreduce\r\n\r\n`, 'latin1')
  }

  /** Takes over the server's clock when it is far from ours: signatures of another time are refused. */
  #noteSkew({ headers }: AnswerHead, sentAt: number): void {
    const theirs = Date.parse(headers.get('date') ?? '')
    if (Math.abs(theirs - sentAt - this.#skewMs) >= MAX_SKEW_MS) this.#skewMs = theirs - sentAt
  }
}

const isGood = ({ status }: AnswerHead): boolean => status >= 200 && status < 300

/** The failure that an answer tells of: its status and code, none of its words. */
function failureIn({ status, headers }: AnswerHead, body: string): S3Failure {
  const [, code] = /<Code>([A-Za-z0-9_.-]{1,64})<\/Code>/.exec(body) ?? []
  return new S3Failure(status, code ?? 'Unknown', headers.get('x-amz-request-id'))
}
