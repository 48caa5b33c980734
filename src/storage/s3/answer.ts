import { S3Failure } from './failure.ts'

/** Status and header fields of an answer, names in lower case. */
export interface AnswerHead {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
}

/** Takes the next piece of a body, which is valid during the call only. */
export type BodySink = (piece: Uint8Array) => void

/** No server sends a head, a line between chunks or a trailer of more bytes. */
const MAX_LINES_BYTES = 64 * 1024

/** What comes next: a line of the head, bytes of the body, or a line between chunks. */
type State = 'status' | 'headers' | 'body' | 'until-close' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'done'

export interface AnswerOptions {
  /** False for the answer to a HEAD, which has the header fields of a body and none. */
  readonly hasBody: boolean
  /** Given the head, says where the body goes. What it throws ends the reading. */
  onHead(head: AnswerHead): BodySink
}

/** Reads one answer of HTTP/1.1 (RFC 9112) as its bytes arrive, and hands the body on where it lies. Throws `S3Failure` for bytes that are none. */
export class AnswerReader {
  readonly #hasBody: boolean
  readonly #onHead: AnswerOptions['onHead']
  #state: State = 'status'
  #line = ''
  #lineBytes = 0
  #version = 1
  #status = 0
  #headers = new Map<string, string>()
  #sink: BodySink = () => {}
  /** Bytes that the body, or its chunk, still has. */
  #left = 0
  #isLast = false

  constructor({ hasBody, onHead }: AnswerOptions) {
    this.#hasBody = hasBody
    this.#onHead = onHead
  }

  get isDone(): boolean {
    return this.#state === 'done'
  }

  /** Whether the connection takes another request once this answer is done. */
  get isLast(): boolean {
    return this.#isLast
  }

  feed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#state === 'done') throw new S3Failure(0, 'bytes behind an answer')
      const isData = this.#state === 'body' || this.#state === 'chunk' || this.#state === 'until-close'
      at = isData ? this.#takeBody(bytes, at) : this.#takeLine(bytes, at)
    }
  }

  /** The server has closed the connection. */
  end(): void {
    if (this.#state === 'until-close') this.#state = 'done'
    if (this.#state === 'done') return
    throw new S3Failure(0, this.#state === 'status' ? 'ECONNRESET' : 'cut body')
  }

  #takeBody(bytes: Uint8Array, at: number): number {
    const end = this.#state === 'until-close' ? bytes.length : Math.min(bytes.length, at + this.#left)
    this.#sink(bytes.subarray(at, end))
    this.#left -= end - at
    if (this.#left === 0) this.#state = this.#state === 'chunk' ? 'chunk-end' : 'done'
    return end
  }

  #takeLine(bytes: Uint8Array, at: number): number {
    const found = bytes.indexOf(10, at)
    const end = found < 0 ? bytes.length : found
    this.#line += Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1')
    this.#lineBytes += end - at + 1
    if (this.#lineBytes > MAX_LINES_BYTES) throw new S3Failure(0, 'long head')
    if (found < 0) return end
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line
    this.#line = ''
    this.#onLine(line)
    return end + 1
  }

  #onLine(line: string): void {
    switch (this.#state) {
      case 'status':
        this.#onStatus(line)
        break
      case 'headers':
        if (line === '') this.#onHeadEnd()
        else this.#onField(line)
        break
      case 'chunk-size':
        this.#onChunk(line)
        break
      case 'chunk-end':
        if (line !== '') throw new S3Failure(0, 'bad chunk')
        this.#state = 'chunk-size'
        break
      default:
        if (line === '') this.#state = 'done'
    }
  }

  #onStatus(line: string): void {
    const [, version, status] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/.exec(line) ?? []
    if (status === undefined) throw new S3Failure(0, 'bad answer')
    this.#version = Number(version)
    this.#status = Number(status)
    this.#headers.clear()
    this.#state = 'headers'
  }

  #onField(line: string): void {
    const colon = line.indexOf(':')
    if (colon <= 0) throw new S3Failure(0, 'bad answer')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = this.#headers.get(name)
    this.#headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }

  #onHeadEnd(): void {
    const status = this.#status
    if (status < 200) {
      this.#state = 'status'
      return
    }
    const connection = this.#headers.get('connection')?.toLowerCase() ?? ''
    this.#isLast = this.#version === 0 ? !connection.includes('keep-alive') : connection.includes('close')
    this.#sink = this.#onHead({ status, headers: this.#headers })
    this.#lineBytes = 0
    if (!this.#hasBody || status === 204 || status === 304) this.#state = 'done'
    else this.#frameBody()
  }

  /** The length of a body, by RFC 9112 section 6.3. */
  #frameBody(): void {
    const encoding = this.#headers.get('transfer-encoding')
    const length = this.#headers.get('content-length')
    if (encoding !== undefined) {
      if (encoding.toLowerCase() !== 'chunked') throw new S3Failure(0, 'bad encoding')
      this.#state = 'chunk-size'
    } else if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length)) throw new S3Failure(0, 'bad length')
      this.#left = Number(length)
      this.#state = this.#left === 0 ? 'done' : 'body'
    } else {
      this.#left = Number.POSITIVE_INFINITY
      this.#isLast = true
      this.#state = 'until-close'
    }
  }

  #onChunk(line: string): void {
    const [, size] = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line) ?? []
    if (size === undefined) throw new S3Failure(0, 'bad chunk')
    this.#lineBytes = 0
    this.#left = Number.parseInt(size, 16)
    this.#state = this.#left === 0 ? 'trailer' : 'chunk'
  }
}
