import type { IncomingHttpHeaders } from 'node:http'
import { StorageError, type StorageErrorCode } from '../errors.ts'
import { keyBesidePart } from '../file-error.ts'

/**
 * One failed try of a request. It carries codes and never the words of a server: those may repeat headers, and with them a
 * session token or a signature.
 */
export class S3Failure extends Error {
  /** HTTP status of the answer, or 0 when none came. HEAD answers carry no code, so this is what is branched on. */
  readonly status: number
  /** Code of the server (`NoSuchKey`), of the system (`ECONNRESET`) or of this client. */
  readonly reason: string
  readonly requestId: string | undefined

  constructor(status: number, reason: string, requestId?: string) {
    super(status === 0 ? reason : `${status} ${reason}`)
    this.name = 'S3Failure'
    this.status = status
    this.reason = reason
    this.requestId = requestId
  }

  /** True when the request may have taken effect all the same: no whole answer came, or the server broke down on the way. */
  get uncertain(): boolean {
    return this.status === 0 || this.status >= 500
  }

  /** True when the server takes a signature for none of a user with rights. */
  get refused(): boolean {
    return this.status === 401 || this.status === 403 || this.reason === 'ExpiredToken'
  }

  get retryable(): boolean {
    if (this.reason === 'CredentialsProviderError' || CERTIFICATE.test(this.reason) || KEY_CONFLICT.has(this.reason))
      return false
    // an answer to HEAD does not say which 400 it is, and some of them pass
    const untold = this.status === 400 && this.reason === 'Unknown'
    return untold || this.uncertain || RETRYABLE_STATUS.has(this.status) || RETRYABLE_REASON.has(this.reason)
  }
}

/** Time-out, a conflict with a request under way (the next try tells who won), too many requests. */
const RETRYABLE_STATUS = new Set([408, 409, 425, 429])

/** Bytes broken on the way, clocks apart (the next signature corrects for that), and a server that waited too long for a body. */
const RETRYABLE_REASON = new Set([
  'BadDigest',
  'XAmzContentChecksumMismatch',
  'IncompleteBody',
  'RequestTimeout',
  'RequestTimeTooSkewed',
])

/** Keys in each other's way, as servers on top of a file system say it; no retry changes that. */
const KEY_CONFLICT = new Set(['ObjectParentIsFile', 'ExistingObjectIsDirectory'])

/** versitygw answers an access key it does not know with 404, which is not the absence of the object. */
const UNKNOWN_USER = /User|AccessKey/

const CERTIFICATE = /CERT|SSL|TLS|SELF_SIGNED|ALTNAME/

/** The failure that an answer tells of: by its body, where that is an error of S3. */
export function answerFailure(status: number, headers: IncomingHttpHeaders, body: Uint8Array): S3Failure {
  const [, code = 'Unknown'] = /<Code>([A-Za-z0-9_.-]{1,64})<\/Code>/.exec(Buffer.from(body).toString('latin1')) ?? []
  const id = headers['x-amz-request-id']
  return new S3Failure(status, code, typeof id === 'string' ? id : undefined)
}

/** The failure behind an error of the system, of undici, or of whoever was asked for credentials; of that no more than its code is kept. */
export function failureOf(error: unknown): S3Failure {
  if (error instanceof S3Failure) return error
  const { code, name }: { readonly code?: unknown; readonly name?: string } = error instanceof Error ? error : {}
  const reason = [code, name].find((word) => typeof word === 'string' && word !== 'Error')
  return new S3Failure(0, /^[A-Za-z0-9_.-]{1,64}$/.test(String(reason ?? '')) ? String(reason) : 'no answer')
}

export interface FailureContext {
  readonly action: string
  readonly key: string
  readonly url: string
}

/** The storage error for a failure that no retry mended. */
export function storageError(failure: S3Failure, { action, key, url }: FailureContext): StorageError {
  const { status, reason, requestId } = failure
  const details = { key, status, reason, requestId }
  const fail = (code: StorageErrorCode, message: string): StorageError =>
    new StorageError(code, `store: ${message}`, details, failure)
  if (reason === 'NoSuchBucket') return fail('unavailable', `bucket expected at ${url}, got NoSuchBucket`)
  if (UNKNOWN_USER.test(reason)) return fail('denied', `${action} expected access to ${key} in ${url}, got ${reason}`)
  if (status === 404) return fail('not-found', `object expected in ${url}, got none at ${key}`)
  if (status === 412) return fail('exists', `object expected absent in ${url}, got one at ${key}`)
  if (KEY_CONFLICT.has(reason)) return keyBesidePart(key, failure)
  if (reason === 'CredentialsProviderError')
    return fail('denied', `credentials expected in AWS variables or a profile for ${url}, got none`)
  if (failure.refused) return fail('denied', `${action} expected access to ${key} in ${url}, got ${reason}`)
  if (reason === CHECKSUM_MISMATCH)
    return fail('corrupt', `${action} of ${key} expected bytes that match their checksum in ${url}, got others`)
  return fail('unavailable', `${action} of ${key} expected to work in ${url}, got ${failure.message}`)
}

/** Reason of a body that does not match the checksum sent with it. */
export const CHECKSUM_MISMATCH = 'ChecksumMismatch'
