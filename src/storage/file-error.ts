import { StorageError } from './errors.ts'

/** What a file store was doing when the operating system said no. */
export interface FileErrorContext {
  readonly action: string
  readonly key: string
  readonly url: string
  /** Full path of the object. */
  readonly path: string
}

/** The error for a key `a` where there is an object `a/b`, or the other way round: no file system and not every server can hold both. */
export function keyBesidePart(key: string, cause?: unknown): StorageError {
  const message = `store: key expected apart from other keys, got ${key} beside a part of it that is an object`
  return new StorageError('bad-key', message, { key }, cause)
}

/** True for an error of the operating system with one of these codes. */
export function isErrno(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
}

/** The storage error for an error of the operating system, naming the path it is about; a storage error passes through. */
export function fileError(error: unknown, { action, key, url, path }: FileErrorContext): unknown {
  if (error instanceof StorageError || error instanceof RangeError || !(error instanceof Error)) return error
  const errno = 'code' in error ? String(error.code) : error.name
  const at = 'path' in error && typeof error.path === 'string' ? error.path : path
  const details = { key, errno, path: at }
  const fail = (code: ConstructorParameters<typeof StorageError>[0], message: string): StorageError =>
    new StorageError(code, `store: ${message}`, details, error)

  const isLink = 'syscall' in error && (error.syscall === 'link' || error.syscall === 'rename')
  switch (errno) {
    case 'ENOENT':
      return at === path
        ? fail('not-found', `object expected in ${url}, got none at ${key}`)
        : fail('not-found', `file expected at ${at}, got none`)
    case 'EEXIST':
      return isLink ? fail('exists', `object expected absent in ${url}, got one at ${key}`) : keyBesidePart(key, error)
    case 'EISDIR':
    case 'ENOTDIR':
      return action === 'read'
        ? fail('not-found', `object expected in ${url}, got none at ${key}`)
        : keyBesidePart(key, error)
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return fail('denied', `${action} expected access to ${at}, got ${errno}`)
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return fail('unavailable', `folder expected on a file system with hard links, got ${errno} at ${at}`)
    case 'ENOSPC':
    case 'EDQUOT':
      return fail('unavailable', `${action} expected room at ${at}, got ${errno}`)
    default:
      return fail('unavailable', `${action} of ${key} expected to work in ${url}, got ${errno}`)
  }
}
