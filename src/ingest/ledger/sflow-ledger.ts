import type { LedgerEntry } from '../../storage/manifest/actions.ts'
import type { Deltas } from './account.ts'
import { Account, isChanged } from './account.ts'
import { leastUsed } from './least-used.ts'
import type { SessionSummary } from './ledger.ts'
import { RecentDatagrams } from './recent.ts'
import { SflowStream, type SflowStreamState } from './sflow-stream.ts'

/** Version of sFlow in ledgers and sessions: an S. */
export const SFLOW = 0x53

/** One numbering of an agent, as `SflowSequences` lists it. */
export interface SflowSequence {
  readonly exporter: string
  readonly subAgent: number
  /** Of samples: the data source that numbers them. */
  readonly sourceIdType?: number
  readonly sourceId?: number
  readonly received: number
  readonly first: number
  readonly last: number
  readonly lost: number
  readonly streams: number
  readonly outOfOrder: number
  /** More than one stream: restarts, or several engines under one key. */
  readonly uncertain: boolean
}

/** Everything sFlow numbers. */
export interface SflowSequences {
  readonly datagrams: readonly SflowSequence[]
  readonly flowSamples: readonly SflowSequence[]
  readonly counterSamples: readonly SflowSequence[]
}

interface Source {
  readonly exporter: string
  readonly subAgent: number
  readonly sourceIdType: number
  readonly sourceId: number
  readonly flowSamples: SflowStream
  readonly counterSamples: SflowStream
  used: boolean
}

/** A sub-agent as plain data. The sources of its samples are not among it: the ledger holds datagrams. */
export interface SflowAgentState {
  readonly exporter: string
  readonly subAgent: number
  readonly duplicates: number
  readonly datagrams: SflowStreamState
}

/** The datagrams of one sub-agent, and the sources of its samples. */
export class SflowAgent {
  readonly exporter: string
  readonly subAgent: number
  readonly datagrams: SflowStream
  readonly recent = new RecentDatagrams()
  readonly account: Account
  readonly sources = new Map<number, Source>()
  duplicates: number
  used = false
  readonly #budget: number

  /** `state` is that of an earlier life, whose ledger has been told all of it. */
  constructor(exporter: string, subAgent: number, budget: number, state?: SflowAgentState) {
    this.exporter = exporter
    this.subAgent = subAgent
    this.datagrams = new SflowStream(state?.datagrams)
    this.duplicates = state?.duplicates ?? 0
    this.account = new Account({ exporter, sourcePort: 0, version: SFLOW, domain: subAgent }, 'datagrams')
    this.#budget = budget
  }

  state(): SflowAgentState {
    const { exporter, subAgent, duplicates, datagrams } = this
    return { exporter, subAgent, duplicates, datagrams: datagrams.state() }
  }

  /** Tells the ledger what has changed since it was last told. */
  tell(ms: number, entries: Deltas[]): void {
    const { datagrams, duplicates } = this
    const restarts = Math.max(0, datagrams.streams - 1)
    const received = datagrams.received - duplicates
    this.account.tell({ received, lost: datagrams.lost, restarts, duplicates }, ms, entries)
  }

  flowSample(sourceIdType: number, sourceId: number, number: number): void {
    this.#source(sourceIdType, sourceId).flowSamples.take(number)
  }

  counterSample(sourceIdType: number, sourceId: number, number: number): void {
    this.#source(sourceIdType, sourceId).counterSamples.take(number)
  }

  /** The type is 8 bits in the compact form; more, in the expanded one, are folded into 20. */
  #source(sourceIdType: number, sourceId: number): Source {
    const key = (sourceIdType % 0x100000) * 0x1_0000_0000 + sourceId
    const known = this.sources.get(key)
    if (known) {
      known.used = true
      return known
    }
    if (this.sources.size >= this.#budget) this.sources.delete(leastUsed(this.sources))
    const { exporter, subAgent } = this
    const streams = { flowSamples: new SflowStream(), counterSamples: new SflowStream() }
    const source = { exporter, subAgent, sourceIdType, sourceId, ...streams, used: false }
    this.sources.set(key, source)
    return source
  }
}

/** Sequence accounting of sFlow, by agent and sub-agent; the address and port of the sender play no part. */
export class SflowLedger {
  readonly #agents = new Map<string, SflowAgent>()
  readonly #budgets: { readonly sessions: number; readonly sourcesPerAgent: number }
  #entries: Deltas[] = []

  constructor(budgets: { readonly sessions: number; readonly sourcesPerAgent: number }) {
    this.#budgets = budgets
  }

  agent(exporter: string, subAgent: number, state?: SflowAgentState): SflowAgent {
    const name = `${exporter} ${subAgent}`
    const known = this.#agents.get(name)
    if (known) {
      known.used = true
      return known
    }
    if (this.#agents.size >= this.#budgets.sessions) this.#agents.delete(leastUsed(this.#agents))
    const agent = new SflowAgent(exporter, subAgent, this.#budgets.sourcesPerAgent, state)
    this.#agents.set(name, agent)
    return agent
  }

  /** Counts a datagram; an exact duplicate apart. */
  datagram(agent: SflowAgent, number: number, repeated: boolean, ms: number): void {
    agent.datagrams.take(number)
    if (repeated) agent.duplicates++
    agent.tell(ms, this.#entries)
  }

  malformed(agent: SflowAgent, ms: number): void {
    agent.account.entry(ms, this.#entries).malformed++
  }

  /** The agent when it has been heard. */
  peek(exporter: string, subAgent: number): SflowAgent | undefined {
    return this.#agents.get(`${exporter} ${subAgent}`)
  }

  pending(): LedgerEntry[] {
    return this.#entries.filter(isChanged)
  }

  drain(): LedgerEntry[] {
    const entries = this.pending()
    this.#entries = []
    for (const { account } of this.#agents.values()) account.close()
    return entries
  }

  /** Every sub-agent, for `restore` in another life. */
  states(): SflowAgentState[] {
    return [...this.#agents.values()].map((agent) => agent.state())
  }

  /** Takes over a sub-agent of an earlier life; what it had counted by then is not told again. */
  restore(state: SflowAgentState): void {
    const agent = this.agent(state.exporter, state.subAgent, state)
    agent.tell(0, [])
    agent.account.close()
  }

  /** Every sub-agent as a session. */
  sessions(): SessionSummary[] {
    return [...this.#agents.values()].map(({ exporter, subAgent, datagrams, duplicates }) => {
      const { received, lost, streams, outOfOrder, first, last } = datagrams
      return {
        ...{ exporter, sourcePort: 0, version: SFLOW, domain: subAgent, unit: 'datagrams' as const },
        ...{ datagrams: received, received: received - duplicates, lost, restarts: Math.max(0, streams - 1) },
        ...{ outOfOrder, duplicates, first, last, uncertain: streams > 1, lostObserved: lost },
      }
    })
  }

  sequences(): SflowSequences {
    const agents = [...this.#agents.values()]
    const sources = agents.flatMap((agent) => [...agent.sources.values()])
    const used = (kind: 'flowSamples' | 'counterSamples') =>
      sources.filter((source) => source[kind].received > 0).map((source) => sequenceOf(source, source[kind], source))
    return {
      datagrams: agents.map((agent) => sequenceOf(agent, agent.datagrams)),
      flowSamples: used('flowSamples'),
      counterSamples: used('counterSamples'),
    }
  }
}

function sequenceOf(
  { exporter, subAgent }: { exporter: string; subAgent: number },
  { received, first, last, lost, streams, outOfOrder }: SflowStream,
  source?: Source,
): SflowSequence {
  const named = source ? { sourceIdType: source.sourceIdType, sourceId: source.sourceId } : {}
  const counts = { received, first, last, lost, streams, outOfOrder, uncertain: streams > 1 }
  return { exporter, subAgent, ...named, ...counts }
}
