import type { CollectorStatus } from './collector.ts'
import type { LogPosition } from './log.ts'
import type { OpenCollectorOptions } from './open-collector.ts'
import type { PlainError } from './plain-error.ts'

/** What can be changed while a daemon runs. */
export type CollectorSettings = Pick<OpenCollectorOptions, 'decoder' | 'expect' | 'rollMs' | 'blockSizeBytes'>

/** Datagrams on their way to the collector: in memory, or only in the log when it has fallen behind. */
export interface Feed {
  /** A chunk with its frame, or undefined. */
  readonly buffer: ArrayBuffer | undefined
  /** Bytes of the chunk, frame included. */
  readonly frameBytes: number
  /** Where it ends in the log; undefined when it could not be written there. */
  readonly position: LogPosition | undefined
}

/** What the receiving thread tells the collecting one. */
export type ToCollector =
  | ({ readonly type: 'feed' } & Feed)
  | { readonly type: 'dropped'; readonly port: number; readonly datagrams: number }
  | { readonly type: 'reload'; readonly settings: CollectorSettings }
  | { readonly type: 'stop' }

/** What the collecting thread tells the receiving one. */
export type FromCollector =
  /** The store is open and what an earlier daemon left has been decoded. */
  | { readonly type: 'opened'; readonly recovered: number }
  /** A chunk has been decoded; its buffer is free. */
  | { readonly type: 'consumed'; readonly buffer: ArrayBuffer | undefined }
  | { readonly type: 'status'; readonly status: CollectorStatus }
  | { readonly type: 'warning'; readonly message: string }
  /** Nothing will be collected any more. */
  | { readonly type: 'fatal'; readonly error: PlainError }
  | { readonly type: 'stopped'; readonly committed: boolean; readonly status: CollectorStatus }
