import { StorageError } from '../errors.ts'
import { checkKey, checkPrefix, checkRange, isKey } from '../key.ts'
import { holdsSource, type Source, withSource } from '../source.ts'
import type { ByteRange, LocalFile, ObjectEntry, ObjectStore, OpenObject, WriteOptions } from '../store.ts'
import { realSystem, type System } from '../system.ts'
import { DEFAULT_LIMITS, S3Caller, type S3Limits } from './caller.ts'
import { loadSdk, withEnvironment } from './client.ts'
import { type FailureContext, S3Failure, storageError } from './failure.ts'
import { getObject } from './get.ts'
import { putObject, type Upload, type UploadTarget, uploadParts } from './upload.ts'
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

/** Opens a store on S3 or a server that speaks it. The SDK is loaded from now on; the first call of the store connects. */
export function openS3Store(options: S3StoreOptions): ObjectStore {
  const { url, endpoint, system = realSystem(), limits = {}, environment = process.env } = options
  const parsed = parseS3Url(url)
  const given = parsed.endpoint ?? (endpoint && checkEndpoint(endpoint))
  const location = withEnvironment({ ...parsed, endpoint: given }, environment)
  loadSdk().catch(() => undefined) // the first call says why
  const caller = new S3Caller({ ...DEFAULT_LIMITS, ...limits }, system, { location, environment })
  return new S3Store(location, caller)
}

class S3Store implements ObjectStore {
  readonly url: string
  readonly readsAhead = 3
  private readonly bucket: string
  private readonly root: string
  private readonly caller: S3Caller
  private readonly encryption: Pick<UploadTarget, 'ServerSideEncryption' | 'SSEKMSKeyId'>

  constructor(location: S3Location, caller: S3Caller) {
    const { bucket, prefix, encryption, kmsKeyId } = location
    this.url = formatS3Url(location)
    this.bucket = bucket
    this.root = prefix && `${prefix}/`
    this.caller = caller
    this.encryption = {
      ...(encryption && { ServerSideEncryption: encryption }),
      ...(kmsKeyId && { SSEKMSKeyId: kmsKeyId }),
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
        return await this.caller.call(async ({ client, sdk }, abortSignal) => {
          const head = await client.send(new sdk.HeadObjectCommand(this.address(key)), { abortSignal })
          return { key, sizeBytes: head.ContentLength ?? 0, modified: head.LastModified?.getTime() ?? 0 }
        })
      } catch (error) {
        if (error instanceof S3Failure && error.status === 404) return undefined
        throw error
      }
    })
  }

  async remove(key: string): Promise<void> {
    checkKey(key)
    const silenceMs = this.caller.limits.removeMs
    await this.named('remove', key, () =>
      this.caller.call(
        async ({ client, sdk }, abortSignal) => {
          await client.send(new sdk.DeleteObjectCommand(this.address(key)), { abortSignal })
        },
        { silenceMs },
      ),
    )
  }

  private address(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.bucket, Key: this.root + key }
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
      await this.caller.call(async ({ client, sdk }, abortSignal) => {
        await client.send(new sdk.HeadObjectCommand(this.address(key)), { abortSignal })
      })
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
    const target = { ...this.address(key), ...this.encryption }
    const holds = (): Promise<boolean> => holdsSource(this, key, source)
    const upload: Upload = { caller: this.caller, source, ifAbsent, target, holds }
    if (source.sizeBytes <= this.caller.limits.partBytes) return putObject(upload)
    // one request before many: a loser that knows sends nothing
    if (ifAbsent && (await this.stat(key))) throw new S3Failure(412, 'PreconditionFailed')
    return uploadParts(upload)
  }

  private page(prefix: string, startAfter: string, token: string | undefined): Promise<Page> {
    const position = token === undefined ? { StartAfter: this.root + startAfter } : { ContinuationToken: token }
    const input = {
      Bucket: this.bucket,
      Prefix: this.root + prefix,
      ...(startAfter === '' && token === undefined ? {} : position),
    }
    return this.caller.call(async ({ client, sdk }, abortSignal) => {
      const answer = await client.send(new sdk.ListObjectsV2Command(input), { abortSignal })
      const next = answer.IsTruncated ? answer.NextContinuationToken : undefined
      const entries = (answer.Contents ?? []).flatMap(({ Key, Size, LastModified }) => {
        const key = Key?.startsWith(this.root) ? Key.slice(this.root.length) : ''
        return isKey(key) ? [{ key, sizeBytes: Size ?? 0, modified: LastModified?.getTime() ?? 0 }] : []
      })
      return { entries, next }
    })
  }
}

interface Page {
  readonly entries: readonly ObjectEntry[]
  readonly next: string | undefined
}
