import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { AnswerReader } from './answer.ts'
import { S3Failure } from './failure.ts'

/** The server of a store. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
  /** Certificates to trust instead of Node's own, PEM. */
  readonly ca?: string | undefined
  /** Time to open a connection, milliseconds. */
  readonly connectMs: number
}

/** Bytes that are read at a time: each such piece stays in the processor's own cache while it goes where it belongs. */
const READ_BYTES = 64 * 1024

/** A connection without a request for so long is closed, before servers close it under a request. */
const IDLE_MS = 4_000

interface Exchange {
  readonly reader: AnswerReader
  resolve(): void
  reject(error: unknown): void
}

/**
 * A connection, which carries one request at a time. Its bytes are read into one piece of memory again and again, and handed to the reader of the answer
 * there: Node's HTTP client, which makes an object for each piece, takes four times the processor for a body of 4 MB.
 */
export class Connection {
  readonly #socket: Socket
  #exchange: Exchange | undefined
  #isOpen = true

  constructor(address: ServerAddress) {
    const { host, port, isSecure, ca, connectMs } = address
    const onread: OnReadOpts = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (length, buffer) => this.#onRead(buffer.subarray(0, length)),
    }
    const options = { host, port, onread, keepAlive: true, noDelay: true }
    const servername = isIP(host) ? {} : { servername: host }
    this.#socket = isSecure ? connectTls({ ...options, ...servername, ...(ca && { ca }) }) : connectTcp(options)
    const timer = setTimeout(() => this.#fail(new S3Failure(0, 'ETIMEDOUT')), connectMs)
    this.#socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(timer))
    this.#socket.once('close', () => {
      clearTimeout(timer)
      this.#onEnd()
    })
    this.#socket.on('end', () => this.#onEnd())
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('timeout', () => this.close())
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Sends a request and reads its answer to the end. Fails with what broke, and is of no use any more then, nor when `signal` aborts it. */
  exchange(parts: readonly Uint8Array[], reader: AnswerReader, signal: AbortSignal): Promise<void> {
    const abort = (): void => this.#fail(new S3Failure(0, 'ECONNABORTED'))
    const socket = this.#socket
    socket.setTimeout(0)
    socket.ref()
    return new Promise<void>((resolve, reject) => {
      this.#exchange = { reader, resolve, reject }
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      socket.cork()
      for (const part of parts) socket.write(part)
      socket.uncork()
    }).finally(() => signal.removeEventListener('abort', abort))
  }

  /** Lets the process end while nothing is asked. */
  rest(): void {
    this.#socket.setTimeout(IDLE_MS)
    this.#socket.unref()
  }

  close(): void {
    this.#isOpen = false
    this.#socket.destroy()
  }

  #onRead(bytes: Uint8Array): boolean {
    const exchange = this.#exchange
    if (!exchange) {
      this.close()
      return false
    }
    try {
      exchange.reader.feed(bytes)
      if (exchange.reader.isDone) this.#finish(exchange)
      return true
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  #onEnd(): void {
    const exchange = this.#exchange
    this.close()
    if (!exchange) return
    try {
      exchange.reader.end()
      this.#finish(exchange)
    } catch (error) {
      this.#fail(error)
    }
  }

  #finish({ reader, resolve }: Exchange): void {
    this.#exchange = undefined
    // A server that answers before it has the whole request may not take the rest of it.
    if (reader.isLast || this.#socket.writableLength > 0) this.close()
    resolve()
  }

  #fail(error: unknown): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    this.close()
    exchange?.reject(error)
  }
}

/** The connections to one server; as many are open as there were requests at a time. */
export class Connections {
  readonly #address: ServerAddress
  readonly #idle: Connection[] = []

  constructor(address: ServerAddress) {
    this.#address = address
  }

  /** Sends a request on a connection of its own for that time. */
  async exchange(parts: readonly Uint8Array[], reader: AnswerReader, signal: AbortSignal): Promise<void> {
    const connection = this.#take()
    await connection.exchange(parts, reader, signal)
    if (!connection.isOpen) return
    connection.rest()
    this.#idle.push(connection)
  }

  #take(): Connection {
    for (let connection = this.#idle.pop(); connection; connection = this.#idle.pop())
      if (connection.isOpen) return connection
    return new Connection(this.#address)
  }
}
