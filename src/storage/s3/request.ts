import type { IncomingHttpHeaders } from 'node:http'
import type { AnswerSink } from './connections.ts'

/** One request to a bucket, before it is signed. */
export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Key in the bucket; without, the bucket itself is meant. */
  readonly key?: string
  readonly query?: { readonly [name: string]: string }
  readonly headers?: { readonly [name: string]: string }
  /** The part of the object that is asked for; it is no part of what is signed. */
  readonly range?: string | undefined
  readonly body?: Uint8Array
}

/** Takes in an answer, and makes of it what was asked for. */
export interface Receiver<Result> extends AnswerSink {
  readonly headers: IncomingHttpHeaders
  /** What was asked for, once the answer is whole. Throws an `S3Failure` when it is something else. */
  take(): Result
}
