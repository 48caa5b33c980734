import type { CollectorStatus } from './collector.ts'
import type { LogPosition } from './log.ts'
import type { OpenCollectorOptions } from './open-collector.ts'
import type { PlainError } from './plain-error.ts'
import type { BoundSocket, ListenAddress } from './sockets.ts'

/** What can be changed while a daemon runs. */
export type CollectorSettings = Pick<OpenCollectorOptions, 'decoder' | 'expect' | 'rollMs' | 'blockSizeBytes'>

/** What can be changed of receiving while a daemon runs, and what cannot. */
export interface ReceiverSettings {
  readonly listen: readonly ListenAddress[]
  readonly receiveBufferBytes: number
  /** Networks whose datagrams are taken; empty: all. */
  readonly allow: readonly string[]
  /** Longest time that a datagram stays in a chunk that is being filled. */
  readonly spoolMs: number
}

/** What the daemon tells its receiving thread. */
export type ToReceiver =
  | { readonly type: 'allow'; readonly networks: readonly string[] }
  /** Nothing more is to be taken, or again. */
  | { readonly type: 'full'; readonly full: boolean }
  | { readonly type: 'stop' }

/** What the receiving thread tells. */
export type FromReceiver =
  | { readonly type: 'listening'; readonly sockets: readonly BoundSocket[] }
  /** The sockets cannot be bound. */
  | { readonly type: 'failed'; readonly error: PlainError }
  /** A chunk of the pool has been filled: whoever gets this gives it back. */
  | { readonly type: 'chunk'; readonly chunk: number; readonly frameBytes: number }
  /** The sockets are closed, and everything has been handed over. */
  | { readonly type: 'stopped' }

/** Datagrams on their way to the collector: in memory, or only in the log when it has fallen behind. */
export interface Feed {
  /** Number of a chunk of the pool, or undefined. */
  readonly chunk: number | undefined
  /** Bytes of the chunk, frame included. */
  readonly frameBytes: number
  /** Where it ends in the log; undefined when it could not be written there. */
  readonly position: LogPosition | undefined
}

/** What the daemon tells its collecting thread. */
export type ToCollector =
  | ({ readonly type: 'feed' } & Feed)
  | { readonly type: 'dropped'; readonly port: number; readonly datagrams: number }
  | { readonly type: 'reload'; readonly settings: CollectorSettings }
  | { readonly type: 'stop' }

/** What the collecting thread tells. */
export type FromCollector =
  /** The store is open and what an earlier daemon left has been decoded. */
  | { readonly type: 'opened'; readonly recovered: number }
  /** A chunk has been decoded, and is no longer needed in the pool. */
  | { readonly type: 'consumed'; readonly chunk: number | undefined }
  | { readonly type: 'status'; readonly status: CollectorStatus }
  | { readonly type: 'warning'; readonly message: string }
  /** Nothing will be collected any more. */
  | { readonly type: 'fatal'; readonly error: PlainError }
  | { readonly type: 'stopped'; readonly committed: boolean; readonly status: CollectorStatus }
