import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher, Pool } from 'undici'
import { type Connector, connector } from './connector.ts'
import type { S3Parts } from './parts.ts'
import type { Silence } from './silence.ts'

/** One request as it is sent. */
export interface HttpCall {
  /** `http://HOST:PORT` or `https://HOST:PORT`. */
  readonly origin: string
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: { readonly [name: string]: string }
  readonly body?: Dispatcher.DispatchOptions['body'] | undefined
}

/** Takes in an answer. What these throw breaks the answer off, its connection with it, and fails the exchange. */
export interface AnswerSink {
  head(status: number, headers: IncomingHttpHeaders): void
  /** The next bytes of the body, in memory that is used again afterwards. */
  bytes(piece: Uint8Array): void
}

export interface ConnectionsOptions {
  /** Connections, and so requests, to one server at a time. */
  readonly concurrency: number
  /** Time to open a connection, milliseconds. */
  readonly connectMs: number
  /** Certificates to trust instead of Node's own, PEM. */
  readonly authorities: string | undefined
}

/**
 * The connections of a store: pools of undici, one for each server, whose answers go to their sinks without a stream between. An idle connection is closed after some seconds and keeps
 * no process alive.
 */
export class Connections {
  private readonly parts: Pick<S3Parts, 'Pool'>
  private readonly concurrency: number
  private readonly connect: Connector
  private readonly pools = new Map<string, Pool>()

  constructor(parts: S3Parts, { concurrency, connectMs, authorities }: ConnectionsOptions) {
    this.parts = parts
    this.concurrency = concurrency
    this.connect = connector(parts, { timeout: connectMs, ...(authorities !== undefined && { ca: authorities }) })
  }

  /** Sends a request and takes in its answer to the end. Fails with what broke, or once there was silence for too long; the connection is closed then. */
  exchange({ origin, body = null, ...request }: HttpCall, sink: AnswerSink, silence?: Silence): Promise<void> {
    let started: Dispatcher.DispatchController | undefined
    let abort = (): void => {}
    const answered = new Promise<void>((resolve, reject) => {
      abort = () => {
        const reason = Object.assign(new Error('aborted'), { name: 'AbortError' })
        started?.abort(reason)
        reject(reason)
      }
      this.pool(origin).dispatch(
        { ...request, body },
        {
          onRequestStart(controller) {
            started = controller
            if (silence?.isOver) abort()
          },
          onResponseStart(_, status, headers) {
            if (status >= 200) sink.head(status, headers)
          },
          onResponseData: (_, piece) => sink.bytes(piece),
          // undici takes a connection back by a `setImmediate` of its own after this: a request before that would open one more.
          onResponseEnd: () => queueMicrotask(() => setImmediate(resolve)),
          onResponseError: (_, error) => reject(error),
        },
      )
    })
    silence?.onOver(abort)
    return answered
  }

  close(): void {
    for (const pool of this.pools.values()) void pool.destroy()
    this.pools.clear()
  }

  private pool(origin: string): Pool {
    const known = this.pools.get(origin)
    if (known) return known
    // The caller watches over silence; one request at a time on a connection, so that none waits behind a large answer.
    const options = { connections: this.concurrency, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 }
    const pool = new this.parts.Pool(origin, { ...options, connect: this.connect })
    this.pools.set(origin, pool)
    return pool
  }
}
