import { StorageError } from '../../src/storage/errors.ts'
import type { ObjectStore } from '../../src/storage/store.ts'
import { type StoreCall, wrapStore } from './wrapped-store.ts'

/** The process died here. Nothing in src/ may catch this one and go on as if it were a failure of the store. */
export class Crash extends Error {
  constructor(point: string) {
    super(`crash at ${point}`)
    this.name = 'Crash'
  }
}

export interface CrashPoint {
  /** The call that the process does not survive, counted from 0. */
  readonly call: number
  /** Whether its effect still happens. */
  readonly when: 'before' | 'after'
}

export interface CrashingStore {
  readonly store: ObjectStore
  /** Names of the crash points passed, as in `3 after write manifest/...`; the length is the number of calls. */
  readonly calls: readonly string[]
  /** True once the crash point was reached; from then on every call crashes: a dead process does nothing. */
  readonly crashed: boolean
}

/** A store whose process dies at one crash point; without one it only counts, which tells how many there are. */
export function crashingStore(inner: ObjectStore, point?: CrashPoint): CrashingStore {
  const calls: string[] = []
  let crashed = false
  const die = (call: StoreCall, when: 'before' | 'after'): void => {
    if (point?.call === call.index && point.when === when) crashed = true
    if (crashed) throw new Crash(`${call.index} ${when} ${call.method} ${call.key}`)
  }
  const store = wrapStore(inner, {
    before(call) {
      die(call, 'before')
      calls.push(`${call.index} ${call.method} ${call.key}`)
    },
    after: (call) => die(call, 'after'),
  })
  return {
    store,
    calls,
    get crashed() {
      return crashed
    },
  }
}

/** What to do to one call: nothing, fail it before its effect, or let it happen and lose the reply. */
export type Fault = undefined | 'before' | 'after'

/** A store whose calls fail with code `unavailable` where `decide` says so, as behind a bad network. */
export function faultyStore(inner: ObjectStore, decide: (call: StoreCall) => Fault): ObjectStore {
  const faults = new Map<number, Fault>()
  const fail = (call: StoreCall, when: Fault): void => {
    if (faults.get(call.index) === when)
      throw new StorageError('unavailable', `store: ${call.method} expected an answer, got none for ${call.key}`)
  }
  return wrapStore(inner, {
    before(call) {
      const fault = decide(call)
      if (fault) faults.set(call.index, fault)
      fail(call, 'before')
    },
    after: (call) => fail(call, 'after'),
  })
}
