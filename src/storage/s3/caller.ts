import pLimit, { type LimitFunction } from 'p-limit'
import type { System } from '../system.ts'
import { type ConnectOptions, connect, type S3Client } from './client.ts'
import { failureOf, S3Failure } from './failure.ts'
import { Silence } from './silence.ts'

/** Times and counts of requests; a test shortens them. */
export interface S3Limits {
  /** Requests at a time. */
  readonly concurrency: number
  /** Tries of one request. */
  readonly attempts: number
  /** The pause before try n is drawn from [0, min(maxPauseMs, pauseMs * 2^n)). */
  readonly pauseMs: number
  readonly maxPauseMs: number
  readonly connectMs: number
  /** Silence after which a request is given up, counted anew with every piece of a body. MinIO may hold a write up for 30 s behind a stalled reader. */
  readonly silenceMs: number
  /** The same for a removal, which may wait behind several readers. */
  readonly removeMs: number
  /** A body of more bytes goes up in parts of this size; S3 wants at least 5 MiB. */
  readonly partBytes: number
}

export const DEFAULT_LIMITS: S3Limits = {
  concurrency: 32,
  attempts: 7,
  pauseMs: 100,
  maxPauseMs: 10_000,
  connectMs: 5_000,
  silenceMs: 60_000,
  removeMs: 120_000,
  partBytes: 8 * 1024 * 1024,
}

/** One try: sends a request and takes in its whole answer; what is heard of it puts off the time limit. */
export type Attempt<Result> = (client: S3Client, silence: Silence) => Promise<Result>

export interface CallOptions {
  readonly silenceMs?: number
  /** Bytes sent with the request; slow lines get time for them. */
  readonly sentBytes?: number
}

/** Slowest line that is waited for, bytes per second. */
const SLOWEST_BYTES_PER_SECOND = 128 * 1024

/** Sends requests: so many at a time, each with a time limit, tried again with full jitter (Brooker, "Exponential Backoff and Jitter", 2015). */
export class S3Caller {
  readonly limits: S3Limits
  private readonly system: System
  private readonly options: Omit<ConnectOptions, 'concurrency' | 'connectMs'>
  private readonly limit: LimitFunction
  private client: Promise<S3Client> | undefined

  constructor(limits: S3Limits, system: System, options: Omit<ConnectOptions, 'concurrency' | 'connectMs'>) {
    this.limits = limits
    this.system = system
    this.options = options
    this.limit = pLimit(limits.concurrency)
  }

  /** Tries until an answer stands or tries run out; throws the last `S3Failure`. `attempt` learns whether an earlier try may have taken effect. */
  async retry<Result>(attempt: (maybeDone: boolean) => Promise<Result>): Promise<Result> {
    let maybeDone = false
    for (let tried = 1; ; tried++) {
      try {
        return await attempt(maybeDone)
      } catch (error) {
        if (!(error instanceof S3Failure) || !error.retryable || tried >= this.limits.attempts) throw error
        maybeDone ||= error.uncertain
        const { pauseMs, maxPauseMs } = this.limits
        await this.system.sleep(this.system.random() * Math.min(maxPauseMs, pauseMs * 2 ** (tried - 1)))
      }
    }
  }

  /** One try. Fails with an `S3Failure`; other errors are the caller's own. */
  once<Result>(attempt: Attempt<Result>, { silenceMs, sentBytes = 0 }: CallOptions = {}): Promise<Result> {
    return this.limit(async () => {
      const client = await this.connected()
      const limitMs = (silenceMs ?? this.limits.silenceMs) + (sentBytes / SLOWEST_BYTES_PER_SECOND) * 1000
      const silence = new Silence(limitMs)
      try {
        return await attempt(client, silence)
      } catch (error) {
        throw silence.isOver ? new S3Failure(0, `no answer within ${Math.round(limitMs)} ms`) : failureOf(error)
      } finally {
        silence.end()
      }
    })
  }

  /** As `once`, tried again: for requests that may be repeated without harm. */
  call<Result>(attempt: Attempt<Result>, options: CallOptions = {}): Promise<Result> {
    return this.retry(() => this.once(attempt, options))
  }

  private connected(): Promise<S3Client> {
    const { concurrency, connectMs } = this.limits
    this.client ??= connect({ ...this.options, concurrency, connectMs })
    return this.client
  }
}
