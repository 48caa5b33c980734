import { CHUNK_BYTES, ChunkWriter } from './chunk.ts'

/** The memory of a pool, for other threads. */
export interface SharedChunks {
  readonly bytes: SharedArrayBuffer
  readonly states: SharedArrayBuffer
}

const FREE = 0
const TAKEN = 1

/**
 * Chunks in memory that the threads of a daemon share. The receiving thread takes them, any thread gives them back, and no message is needed for either. The
 * lowest free one is taken, so that as long as nothing waits the same few are used, which are in the caches; the system gives memory to the others only when
 * they are needed.
 */
export class ChunkPool {
  readonly shared: SharedChunks
  readonly #states: Int32Array

  constructor(shared: SharedChunks) {
    this.shared = shared
    this.#states = new Int32Array(shared.states)
  }

  static create(chunks: number): ChunkPool {
    return new ChunkPool({
      bytes: new SharedArrayBuffer(chunks * CHUNK_BYTES),
      states: new SharedArrayBuffer(chunks * Int32Array.BYTES_PER_ELEMENT),
    })
  }

  /** Number of a chunk that was free; undefined when there is none. For one thread alone. */
  take(): number | undefined {
    const states = this.#states
    for (let chunk = 0; chunk < states.length; chunk++) {
      if (Atomics.load(states, chunk) !== FREE) continue
      Atomics.store(states, chunk, TAKEN)
      return chunk
    }
    return undefined
  }

  /** Gives a chunk back. */
  free(chunk: number): void {
    Atomics.store(this.#states, chunk, FREE)
  }

  /** The first `length` bytes of a chunk; all of them unless given. */
  bytes(chunk: number, length = CHUNK_BYTES): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.shared.bytes, chunk * CHUNK_BYTES, length)
  }

  /** Begins to fill a chunk. */
  writer(chunk: number): ChunkWriter {
    return new ChunkWriter(this.bytes(chunk))
  }
}
