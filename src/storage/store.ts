/**
 * The object store seam: what every store (file, memory, S3, replica) can do, and all that the rest of flowreduce asks of one.
 * Keys are checked by `checkKey` before any of these touches a disk or a server.
 */
export interface ObjectStore {
  /** The URL that opens this store again; never holds a credential. */
  readonly url: string
  /**
   * Reads an object, or the part of it that starts at `range.offset`; a part that runs past the end is cut there, one that starts at or past it is empty.
   * Fails with code `not-found` when there is no such object.
   */
  read(key: string, range?: ByteRange): Promise<Uint8Array>
  /**
   * Stores an object whole or not at all, durable once the promise resolves. With `ifAbsent` exactly one of any number of racing writers wins;
   * the others fail with code `exists`.
   */
  write(key: string, body: Uint8Array | LocalFile, options?: WriteOptions): Promise<void>
  /** Lists objects whose keys start with `prefix` and sort after `startAfter`, in byte order of their keys. */
  list(prefix: string, startAfter?: string): AsyncIterable<ObjectEntry>
  /** Size of an object, or undefined when there is none. */
  stat(key: string): Promise<ObjectEntry | undefined>
  /** Removes an object; removing one that is not there succeeds. */
  remove(key: string): Promise<void>
  /**
   * Only of stores that keep several copies: reads a part of a block from whichever copy `verify` takes, and mends the others. When it takes none, the answer is
   * one of them, for the caller to complain about.
   */
  readVerified?(key: string, range: ByteRange, verify: (bytes: Uint8Array) => boolean): Promise<Uint8Array>
  /** Only of stores where this saves something: opens an object whose parts are read one after the other. Fails as `read` does, there or with the first part. */
  open?(key: string): Promise<OpenObject>
  /** Only of stores where this saves something: begins an object that is written piece by piece. Nobody sees it before it is finished. */
  grow?(key: string): Promise<GrowingObject>
  /** Only of stores that answer late: reads worth having under way while the bytes of another are worked on. Else one is. */
  readonly readsAhead?: number
}

/** All that a reader of blocks asks of a store. */
export type BlockSource = Pick<ObjectStore, 'read' | 'readVerified' | 'open' | 'readsAhead'>

/** An object that is open for reading. */
export interface OpenObject {
  /** Reads from `offset` into the caller's memory, which it must leave alone until then. Returns how many bytes there were: fewer than asked for only at the end of the object. */
  readInto(target: Uint8Array, offset: number): Promise<number>
  /** Only of stores that often have bytes at hand: the same at once, without a promise; undefined when that would probably wait for a disk. */
  readNow?(target: Uint8Array, offset: number): number | undefined
  close(): Promise<void>
}

/** An object that is being written. Its calls follow each other; one that failed is followed by `abandon` alone. */
export interface GrowingObject {
  /** Appends bytes, which the caller must leave alone until then. */
  append(bytes: Uint8Array): Promise<void>
  /** Stores the object as it is: whole, and durable once the promise resolves. */
  finish(): Promise<void>
  /** Leaves nothing behind. Best effort. */
  abandon(): Promise<void>
}

/** `length` bytes from `offset`. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/** A finished local file whose bytes are to be stored; the store leaves it in place. */
export interface LocalFile {
  readonly path: string
}

export interface WriteOptions {
  readonly ifAbsent?: boolean
}

export interface ObjectEntry {
  readonly key: string
  readonly sizeBytes: number
  /** Time of the last write by the store's clock, milliseconds; for humans and gc grace only. */
  readonly modified: number
}
