import type { Rate, SamplerId } from './rate.ts'
import type { Sampling } from './sampling.ts'
import { UNKNOWN_SAMPLING } from './sampling.ts'

/** What the options records of a domain say of sampling: by sampler (48, 302), by input interface, or for all. */
export class Samplers {
  readonly byId = new Map<SamplerId, Sampling>()
  readonly byInterface = new Map<number, Sampling>()
  whole: Sampling | undefined
  readonly #budget: number

  /** Remembers at most `budget` samplers and as many interfaces; the oldest are forgotten first. */
  constructor(budget: number) {
    this.#budget = budget
  }

  /** Takes a rate announced for a sampler, an interface, or for all records that name neither; interface 0 is no interface but the device. */
  announce({ size, population }: Rate, sampler: SamplerId | undefined, inputIf: number | undefined): void {
    const sampling = { size, population, assumed: false }
    if (sampler !== undefined) this.#set(this.byId, sampler, sampling)
    else if (inputIf !== undefined && inputIf > 0) this.#set(this.byInterface, inputIf, sampling)
    else this.whole = sampling
  }

  /** The rate of a record: of the sampler it names, of its input interface, of the whole domain; of the only sampler when it names none. */
  find(sampler: SamplerId | undefined, inputIf: number): Sampling {
    const named = sampler === undefined ? undefined : this.byId.get(sampler)
    const announced = named ?? this.byInterface.get(inputIf) ?? this.whole
    if (announced) return announced
    if (sampler === undefined && this.byId.size === 1) for (const only of this.byId.values()) return only
    return UNKNOWN_SAMPLING
  }

  #set<K>(samplings: Map<K, Sampling>, key: K, sampling: Sampling): void {
    if (!samplings.has(key) && samplings.size >= this.#budget) {
      for (const oldest of samplings.keys()) {
        samplings.delete(oldest)
        break
      }
    }
    samplings.set(key, sampling)
  }
}
