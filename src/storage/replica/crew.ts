import pLimit, { type LimitFunction } from 'p-limit'

/** Work done a few pieces at a time, with only so many waiting. All of it has ended, well or badly, before anything is thrown. */
export class Crew {
  private readonly limit: LimitFunction
  private readonly room: number
  private work: Promise<void>[] = []

  constructor(concurrency: number) {
    this.limit = pLimit(concurrency)
    this.room = concurrency * 4
  }

  /** Takes on one piece; waits for what it has when that is much. */
  async add(piece: () => Promise<void>): Promise<void> {
    this.work.push(this.limit(piece))
    if (this.work.length >= this.room) await this.finish()
  }

  /** Waits for all pieces and throws the first failure. */
  async finish(): Promise<void> {
    const outcomes = await Promise.allSettled(this.work)
    this.work = []
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  /** Runs `assign`, which adds pieces, and waits for all. */
  static async run(concurrency: number, assign: (crew: Crew) => Promise<void>): Promise<void> {
    const crew = new Crew(concurrency)
    try {
      await assign(crew)
    } catch (error) {
      await crew.finish().catch(() => undefined)
      throw error
    }
    await crew.finish()
  }
}
