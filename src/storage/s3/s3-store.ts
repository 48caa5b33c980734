import type { IncomingHttpHeaders } from 'node:http'
import { StorageError } from '../errors.ts'
import { checkKey, checkPrefix, checkRange } from '../key.ts'
import { holdsSource, type Source, withSource } from '../source.ts'
import type { ByteRange, LocalFile, ObjectEntry, ObjectStore, OpenObject, WriteOptions } from '../store.ts'
import { realSystem, type System } from '../system.ts'
import { DEFAULT_LIMITS, S3Caller, type S3Limits } from './caller.ts'
import { loadParts, withEnvironment } from './client.ts'
import { type FailureContext, S3Failure, storageError } from './failure.ts'
import { getObject } from './get.ts'
import { listPage } from './list.ts'
import { putObject, type Upload, uploadParts } from './upload.ts'
import { checkEndpoint, formatS3Url, parseS3Url, type S3Location } from './url.ts'

export interface S3StoreOptions {
  /** `s3://bucket/prefix`, with parameters (see url.ts). */
  readonly url: string
  /** Endpoint when the URL names none; after it the AWS variables are asked. */
  readonly endpoint?: string | undefined
  readonly system?: System
  readonly limits?: Partial<S3Limits>
  readonly environment?: NodeJS.ProcessEnv
}

/** Opens a store on S3 or a server that speaks it. What requests are made of is loaded from now on; the first call of the store connects. */
export function openS3Store(options: S3StoreOptions): ObjectStore {
  const { url, endpoint, system = realSystem(), limits = {}, environment = process.env } = options
  const parsed = parseS3Url(url)
  const given = parsed.endpoint ?? (endpoint && checkEndpoint(endpoint))
  const location = withEnvironment({ ...parsed, endpoint: given }, environment)
  loadParts().catch(() => undefined) // the first call says why
  const caller = new S3Caller({ ...DEFAULT_LIMITS, ...limits }, system, { location, environment })
  return new S3Store(location, caller)
}

class S3Store implements ObjectStore {
  readonly url: string
  readonly readsAhead = 3
  private readonly root: string
  private readonly caller: S3Caller
  private readonly encryption: Upload['encryption']

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
    return this.named('read', key, () => (range ? this.part(key, range) : getObject(this.caller, this.root + key)))
  }

  /** An S3 object is open without a request: whether it is there shows with the first part that is read. */
  async open(key: string): Promise<OpenObject> {
    checkKey(key)
    return {
      readInto: async (target, offset) => {
        const range = { offset, length: target.length }
        checkRange(range)
        return (await this.named('read', key, () => this.part(key, range, target))).length
      },
      close: async () => {},
    }
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
      const options = { root: this.root, prefix, startAfter, token }
      const page = await this.named('list', prefix, () => listPage(this.caller, options))
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
        const headers = await this.head(key)
        const modified = Date.parse(headers['last-modified'] ?? '') || 0
        return { key, sizeBytes: Number(headers['content-length'] ?? 0), modified }
      } catch (error) {
        if (error instanceof S3Failure && error.status === 404) return undefined
        throw error
      }
    })
  }

  async remove(key: string): Promise<void> {
    checkKey(key)
    const request = { method: 'DELETE', key: this.root + key } as const
    const silenceMs = this.caller.limits.removeMs
    await this.named('remove', key, () =>
      this.caller.call((client, silence) => client.ask(request, silence), { silenceMs }),
    )
  }

  private async head(key: string): Promise<IncomingHttpHeaders> {
    const request = { method: 'HEAD', key: this.root + key } as const
    return (await this.caller.call((client, silence) => client.ask(request, silence))).headers
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

  /** A part of an object, cut at its end: in `target`, when there is one. */
  private async part(key: string, range: ByteRange, target?: Uint8Array): Promise<Uint8Array> {
    if (range.length === 0) {
      // S3 has no empty range; a missing object must still be told from an empty part
      await this.head(key)
      return new Uint8Array(0)
    }
    try {
      return await getObject(this.caller, this.root + key, { range, target })
    } catch (error) {
      if (error instanceof S3Failure && error.status === 416) return new Uint8Array(0)
      throw error
    }
  }

  private async put(key: string, source: Source, ifAbsent: boolean): Promise<void> {
    const { caller, root, encryption } = this
    const holds = (): Promise<boolean> => holdsSource(this, key, source)
    const upload: Upload = { caller, source, ifAbsent, key: root + key, encryption, holds }
    if (source.sizeBytes <= this.caller.limits.partBytes) return putObject(upload)
    // one request before many: a loser that knows sends nothing
    if (ifAbsent && (await this.stat(key))) throw new S3Failure(412, 'PreconditionFailed')
    return uploadParts(upload)
  }
}
