import { StorageError } from './errors.ts'
import type { ByteRange } from './store.ts'

/** Longest part of a key, bytes: what a file name may hold, and what MinIO and versitygw refuse beyond. */
export const MAX_PART_BYTES = 255

/** Longest key, bytes. S3 stops at 1,024 and a store's own prefix takes its share of that. */
export const MAX_KEY_BYTES = 768

const PART = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/

/** What no key looks like but a listing may start with: the part that is still open at its end. */
const OPEN_PART = /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,254})?$/

/**
 * Refuses a key outside the grammar with code `bad-key`: parts of `[A-Za-z0-9][A-Za-z0-9._-]*`, at most 255 bytes each, joined by `/`.
 * So `..`, absolute, encoded and empty parts never reach a disk or a server.
 */
export function checkKey(key: string): void {
  if (!isKey(key)) throw badKey('key', key)
}

/** True for a key inside the grammar. */
export function isKey(key: string): boolean {
  return key.length <= MAX_KEY_BYTES && key.split('/').every((part) => PART.test(part))
}

/** Refuses what cannot begin a key with code `bad-key`; the last part may be empty or cut anywhere. The empty prefix is every key. */
export function checkPrefix(prefix: string): void {
  const parts = prefix.split('/')
  const open = parts.pop() ?? ''
  const valid = prefix.length <= MAX_KEY_BYTES && OPEN_PART.test(open) && parts.every((part) => PART.test(part))
  if (!valid) throw badKey('prefix', prefix)
}

function badKey(what: string, got: string): StorageError {
  const shown = JSON.stringify(got.length > 80 ? `${got.slice(0, 80)}...` : got)
  const parts = `parts of [A-Za-z0-9][A-Za-z0-9._-]* of at most ${MAX_PART_BYTES} bytes`
  return new StorageError('bad-key', `store: ${what} expected ${parts}, got ${shown}`, { key: got })
}

/** The bytes of an object of `sizeBytes` that a range asks for, cut at its end; without a range all of them. */
export function cutRange(sizeBytes: number, range: ByteRange | undefined): ByteRange {
  if (range === undefined) return { offset: 0, length: sizeBytes }
  checkRange(range)
  const offset = Math.min(range.offset, sizeBytes)
  return { offset, length: Math.min(range.length, sizeBytes - offset) }
}

/** Refuses a range that is not two whole numbers of at least 0: the caller is wrong, not the data. */
export function checkRange({ offset, length }: ByteRange): void {
  if (Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0) return
  throw new RangeError(`store: range expected whole numbers of at least 0, got offset ${offset} length ${length}`)
}
