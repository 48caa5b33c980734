import type { BlockInfo } from '../manifest/actions.ts'
import { footerRange } from '../parquet/open-block.ts'
import type { BlockSource, ByteRange, OpenObject } from '../store.ts'
import { rangesOf } from './block-bytes.ts'

/** What is read first by who reads some chunks of a block: of Parquet the footer, of Avro the first of those chunks, and the header when it stands before them. */
export function firstRead(block: BlockInfo, { first, count }: { first: number; count: number }): ByteRange | undefined {
  if (block.format === 'parquet') return footerRange(block)
  return rangesOf(block.chunks.slice(first, first + count), first === 0)[0]
}

/** Reads that may wait for who wants them; of more the oldest is let go of. */
const MOST_WAITING = 4

/** A store that is read one block after the other, and whose answers are late: what the next block is read for first may be asked for early. */
export class FirstReads {
  /** The store, whose reads are those under way where there is one. */
  readonly source: BlockSource
  readonly #store: BlockSource
  readonly #underWay: Map<string, Promise<Uint8Array>>

  constructor(store: BlockSource, underWay = new Map<string, Promise<Uint8Array>>()) {
    this.#store = store
    this.#underWay = underWay
    const { readsAhead, open } = store
    this.source = {
      read: (key, range) => this.#take(key, range) ?? store.read(key, range),
      ...(store.readVerified && { readVerified: store.readVerified.bind(store) }),
      ...(open && { open: async (key) => this.#over(await open.call(store, key), key) }),
      ...(readsAhead !== undefined && { readsAhead }),
    }
  }

  /** The same reads under way, for who goes on by another way to the same store. */
  over(store: BlockSource): FirstReads {
    return new FirstReads(store, this.#underWay)
  }

  /** Asks for a part that will be read; not of a store that answers at once. */
  begin(key: string, range: ByteRange | undefined): void {
    if (!range || (this.#store.readsAhead ?? 1) < 2) return
    const read = this.#store.read(key, range)
    read.catch(() => undefined) // whoever reads that part hears of it
    this.#underWay.set(nameOf(key, range), read)
    const [oldest] = this.#underWay.keys()
    if (oldest !== undefined && this.#underWay.size > MOST_WAITING) this.#underWay.delete(oldest)
  }

  #over(object: OpenObject, key: string): OpenObject {
    return {
      ...(object.readNow && { readNow: object.readNow }),
      readInto: async (target, offset) => {
        const early = this.#take(key, { offset, length: target.length })
        if (!early) return object.readInto(target, offset)
        const bytes = await early
        target.set(bytes)
        return bytes.length
      },
      close: () => object.close(),
    }
  }

  #take(key: string, range: ByteRange | undefined): Promise<Uint8Array> | undefined {
    const name = nameOf(key, range)
    const read = this.#underWay.get(name)
    this.#underWay.delete(name)
    return read
  }
}

const nameOf = (key: string, range: ByteRange | undefined): string => `${key} ${range?.offset} ${range?.length}`
