import { StorageError } from '../errors.ts'
import { checkKey, checkPrefix, checkRange, isKey } from '../key.ts'
import { holdsSource, type Source, withSource } from '../source.ts'
import type { ByteRange, LocalFile, ObjectEntry, ObjectStore, OpenObject, WriteOptions } from '../store.ts'
import { realSystem, type System } from '../system.ts'
import type { AnswerHead } from './answer.ts'
import { type CallOptions, DEFAULT_LIMITS, S3Caller, type S3Limits } from './caller.ts'
import { withEnvironment } from './client.ts'
import { type FailureContext, S3Failure, storageError } from './failure.ts'
import { parseListPage } from './list-page.ts'
import { type ObjectBody, partBody, wholeBody } from './object-body.ts'
import { putObject, type Upload, uploadParts } from './upload.ts'
import { checkEndpoint, formatS3Url, parseS3Url, type S3Location } from './url.ts'
import type { WireRequest } from './wire.ts'

export interface S3StoreOptions {
  /** `s3://bucket/prefix`, with parameters (see url.ts). */
  readonly url: string
  /** Endpoint when the URL names none; after it the AWS variables are asked. */
  readonly endpoint?: string | undefined
  readonly system?: System
  readonly limits?: Partial<S3Limits>
  readonly environment?: NodeJS.ProcessEnv
}

/** Opens a store on S3 or a server that speaks it. The first call of it loads the SDK and connects. */
export function openS3Store(options: S3StoreOptions): ObjectStore {
  const { url, endpoint, system = realSystem(), limits = {}, environment = process.env } = options
  const parsed = parseS3Url(url)
  const given = parsed.endpoint ?? (endpoint && checkEndpoint(endpoint))
  const location = withEnvironment({ ...parsed, endpoint: given }, environment)
  const caller = new S3Caller({ ...DEFAULT_LIMITS, ...limits }, system, { location, environment })
  return new S3Store(location, caller)
}

class S3Store implements ObjectStore {
  readonly url: string
  readonly readsAhead = 3
  private readonly root: string
  private readonly caller: S3Caller
  private readonly encryption: { readonly [name: string]: string }

  constructor(location: S3Location, caller: S3Caller) {
    const { prefix, encryption, kmsKeyId } = location
    this.url = formatS3Url(location)
    this.root = prefix && `${prefix}/`
    this.caller = caller
    this.encryption = {
      ...(encryption && { 'x-amz-server-side-encryption': encryption }),
      ...(kmsKeyId && { 'x-amz-server-side-encryption-aws-kms-key-id': kmsKeyId }),
    }
  }

  async read(key: string, range?: ByteRange): Promise<Uint8Array> {
    checkKey(key)
    if (range) checkRange(range)
    return this.named('read', key, () => (range ? this.getPart(key, range) : this.take(key, wholeBody())))
  }

  async write(key: string, body: Uint8Array | LocalFile, { ifAbsent = false }: WriteOptions = {}): Promise<void> {
    checkKey(key)
    await this.named('write', key, () => withSource(body, (source) => this.put(key, source, ifAbsent)))
  }

  async *list(prefix: string, startAfter = ''): AsyncIterable<ObjectEntry> {
    checkPrefix(prefix)
    checkPrefix(startAfter)
    let token: string | undefined
    let last = ''
    do {
      const page = await this.named('list', prefix, () => this.page(prefix, startAfter, token))
      for (const entry of page.entries) {
        if (entry.key <= last)
          throw new StorageError(
            'unavailable',
            `store: list expected keys in byte order in ${this.url}, got ${entry.key} after ${last}`,
          )
        last = entry.key
        yield entry
      }
      token = page.next
    } while (token !== undefined)
  }

  async stat(key: string): Promise<ObjectEntry | undefined> {
    checkKey(key)
    return this.named('stat', key, async () => {
      try {
        const { headers } = await this.head(key)
        const modified = Date.parse(headers.get('last-modified') ?? '')
        const sizeBytes = Number(headers.get('content-length') ?? 0)
        return { key, sizeBytes, modified: Number.isNaN(modified) ? 0 : modified }
      } catch (error) {
        if (error instanceof S3Failure && error.status === 404) return undefined
        throw error
      }
    })
  }

  async remove(key: string): Promise<void> {
    checkKey(key)
    const silenceMs = this.caller.limits.removeMs
    await this.named('remove', key, () => this.send({ method: 'DELETE', key: this.root + key }, { silenceMs }))
  }

  /** An S3 object is open without a request: whether it is there shows with the first part that is read. */
  async open(key: string): Promise<OpenObject> {
    checkKey(key)
    return {
      readInto: async (target, offset) => {
        const range = { offset, length: target.length }
        checkRange(range)
        return (await this.named('read', key, () => this.getPart(key, range, target))).length
      },
      close: async () => {},
    }
  }

  private send(request: WireRequest, options?: CallOptions): Promise<AnswerHead> {
    return this.caller.call((wire, signal, heard) => wire.send(request, signal, heard), options)
  }

  private head(key: string): Promise<AnswerHead> {
    return this.send({ method: 'HEAD', key: this.root + key })
  }

  /** Runs one operation and turns its failure into a storage error that names the key. */
  private async named<Result>(action: string, key: string, operation: () => Promise<Result>): Promise<Result> {
    try {
      return await operation()
    } catch (error) {
      const context: FailureContext = { action, key, url: this.url }
      throw error instanceof S3Failure ? storageError(error, context) : error
    }
  }

  private async getPart(key: string, range: ByteRange, target?: Uint8Array): Promise<Uint8Array> {
    const nothing = new Uint8Array(0)
    if (range.length === 0) {
      // S3 has no empty range; a missing object must still be told from an empty part
      await this.head(key)
      return nothing
    }
    try {
      return await this.take(key, partBody(range, target), { range: rangeHeader(range) })
    } catch (error) {
      if (error instanceof S3Failure && error.status === 416) return nothing
      throw error
    }
  }

  private take(key: string, body: ObjectBody, headers: WireRequest['headers'] = {}): Promise<Uint8Array> {
    const request: WireRequest = {
      method: 'GET',
      key: this.root + key,
      headers: { 'x-amz-checksum-mode': 'ENABLED', ...headers },
      onAnswer: body.onAnswer,
    }
    return this.caller.call(async (wire, signal, heard) => {
      await wire.send(request, signal, heard)
      return body.finish()
    })
  }

  private async put(key: string, source: Source, ifAbsent: boolean): Promise<void> {
    const holds = (): Promise<boolean> => holdsSource(this, key, source)
    const { caller, encryption } = this
    const upload: Upload = { caller, source, ifAbsent, key: this.root + key, encryption, holds }
    if (source.sizeBytes <= this.caller.limits.partBytes) return putObject(upload)
    // one request before many: a loser that knows sends nothing
    if (ifAbsent && (await this.stat(key))) throw new S3Failure(412, 'PreconditionFailed')
    return uploadParts(upload)
  }

  private page(prefix: string, startAfter: string, token: string | undefined): Promise<Page> {
    const position = token === undefined ? { 'start-after': this.root + startAfter } : { 'continuation-token': token }
    const query = {
      'list-type': '2',
      prefix: this.root + prefix,
      ...(startAfter === '' && token === undefined ? {} : position),
    }
    return this.caller.call(async (wire, signal, heard) => {
      const body = wholeBody()
      await wire.send({ method: 'GET', key: '', query, onAnswer: body.onAnswer }, signal, heard)
      const { objects, next } = parseListPage(Buffer.from(body.finish()).toString())
      const entries = objects.flatMap(({ key: whole, sizeBytes, modified }) => {
        const key = whole.startsWith(this.root) ? whole.slice(this.root.length) : ''
        return isKey(key) ? [{ key, sizeBytes, modified }] : []
      })
      return { entries, next }
    })
  }
}

interface Page {
  readonly entries: readonly ObjectEntry[]
  readonly next: string | undefined
}

function rangeHeader({ offset, length }: ByteRange): string {
  return `bytes=${offset}-${Math.min(offset + length - 1, Number.MAX_SAFE_INTEGER)}`
}
