import { ComponentError } from '../flow/component-error.ts'

export type StorageErrorCode =
  | 'bad-url'
  | 'bad-key'
  | 'not-found'
  | 'exists'
  | 'denied'
  | 'unavailable'
  | 'corrupt'
  | 'conflict'
  | 'behind-horizon'
  | 'duplicate-transaction'
  | 'unknown-feature'
  | 'bad-format'
  | 'bad-schema'
  | 'not-a-store'
  | 'bad-option'

/** What went wrong in the store, the manifest or a block. `exists`, `not-found` and `conflict` are branched on; the rest ends a command. */
export class StorageError extends ComponentError<StorageErrorCode> {}
