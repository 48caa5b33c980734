import type { LedgerEntry, LedgerUnit } from '../../storage/manifest/actions.ts'
import type { Deltas } from './account.ts'
import { Account, createDeltas, isChanged, minuteOf } from './account.ts'
import type { Numbering } from './evidence.ts'
import { leastUsed } from './least-used.ts'
import type { MessageTally, SessionKey, SessionState } from './session.ts'
import { Session, unitOf } from './session.ts'

/**
 * A session as an import prints it. `lost` is the plain arithmetic of the protocol, highest - lowest - received with duplicates counted as
 * received: negative when the exporter numbers otherwise or datagrams were repeated. `lostObserved` is what was lost.
 */
export interface SessionSummary extends SessionKey {
  readonly unit: LedgerUnit
  readonly datagrams: number
  /** In `unit`, exact duplicates apart. */
  readonly received: number
  readonly lost: number
  readonly restarts: number
  /** Datagrams whose number was behind when they arrived, exact duplicates included. */
  readonly outOfOrder: number
  readonly duplicates: number
  /** Sequence numbers in order of arrival. */
  readonly first: number
  readonly last: number
  /** Sets were given up, so that `lost` may hold records that did arrive. */
  readonly uncertain: boolean
  /** Named when the exporter numbers its messages otherwise. */
  readonly numbering?: Numbering
  /** Units lost by the numbering in use, never what another numbering makes of it: the manifest's ledger holds this. */
  readonly lostObserved: number
}

export interface LedgerBudgets {
  readonly sessions: number
  readonly sessionsPerExporter: number
}

interface Sender {
  readonly sessions: Map<number, Session>
  used: boolean
}

/** Sequence accounting of all sessions: signed deltas per session and UTC minute of arrival, for the manifest. */
export class Ledger {
  readonly #budgets: LedgerBudgets
  readonly #senders = new Map<string, Sender>()
  #count = 0
  #entries: Deltas[] = []
  readonly #strangers = new Map<string, Deltas>()

  constructor(budgets: LedgerBudgets) {
    this.#budgets = budgets
  }

  /** The session of a datagram, made when it is new; over a budget the least recently heard ones are forgotten. */
  session(exporter: string, sourcePort: number, version: number, domain: number, state?: SessionState): Session {
    const sender = this.#sender(exporter)
    const key = sessionNumber(sourcePort, version, domain)
    const known = sender.sessions.get(key)
    if (known) {
      known.used = true
      return known
    }
    if (sender.sessions.size >= this.#budgets.sessionsPerExporter) this.#forgetSession(sender)
    if (this.#count >= this.#budgets.sessions) this.#forgetSender(sender)
    const session = new Session({ exporter, sourcePort, version, domain }, state)
    sender.sessions.set(key, session)
    this.#count++
    return session
  }

  /** Counts a message of `units` records; `complete` says that none of its sets waits for a template: then there is nothing to come later. */
  message(session: Session, number: number, units: number, complete: boolean, ms: number): MessageTally | undefined {
    const tally = session.take(number, units, complete)
    this.#tell(session, ms)
    return tally
  }

  /** Counts `more` records of an earlier message, found when their template came. */
  late(tally: MessageTally, more: number, ms: number): void {
    tally.session.add(tally, more)
    this.#tell(tally.session, ms)
  }

  /** Counts an exact duplicate of a message of `units` records, apart from what was received. */
  duplicate(session: Session, number: number, units: number, ms: number): void {
    session.repeat(number, units)
    this.#tell(session, ms)
  }

  /** Counts sets of a session given up without a template. */
  undecodable(session: Session, sets: number, ms: number): void {
    session.counts.undecoded += sets
    session.account.entry(ms, this.#entries).undecodable += sets
  }

  quarantined(session: Session, flows: number, ms: number): void {
    session.account.entry(ms, this.#entries).quarantined += flows
  }

  /** Counts a refused datagram: in its session when that is known, else under port and domain 0, so that a forged header makes no new one. */
  malformed({ exporter, sourcePort, version, domain }: SessionKey, ms: number): void {
    const session = this.#senders.get(exporter)?.sessions.get(sessionNumber(sourcePort, version, domain))
    if (session) {
      session.account.entry(ms, this.#entries).malformed++
      return
    }
    const interval = minuteOf(ms)
    const name = `${exporter} ${version} ${interval}`
    let entry = this.#strangers.get(name)
    if (!entry) {
      entry = createDeltas({ exporter, sourcePort: 0, version, domain: 0 }, unitOf(version), interval)
      this.#strangers.set(name, entry)
      this.#entries.push(entry)
    }
    entry.malformed++
  }

  /** The deltas since the last drain, in order of their first mention; entries without any change are left out. */
  pending(): LedgerEntry[] {
    return this.#entries.filter(isChanged)
  }

  /** Gives the deltas since the last drain, and begins others. */
  drain(): LedgerEntry[] {
    const entries = this.pending()
    this.#entries = []
    this.#strangers.clear()
    for (const session of this.#all()) {
      session.account.close()
      session.datagramAccount?.close()
    }
    return entries
  }

  sessions(): SessionSummary[] {
    return [...this.#all()].map(summary)
  }

  *#all(): Generator<Session> {
    for (const { sessions } of this.#senders.values()) yield* sessions.values()
  }

  /** Every session, for `restore` in another life. */
  states(): SessionState[] {
    return [...this.#all()].map((session) => session.state())
  }

  /** Takes over a session of an earlier life; what it had counted by then is not told again. */
  restore(state: SessionState): void {
    const { exporter, sourcePort, version, domain } = state.key
    const session = this.session(exporter, sourcePort, version, domain, state)
    this.#tell(session, 0, [])
    session.account.close()
    session.datagramAccount?.close()
  }

  #tell(session: Session, ms: number, entries = this.#entries): void {
    const { numbering, rule, own } = session
    const { duplicates } = session.counts
    const { received } = own.state
    const used = numbering === rule ? own : session.sequences[numbering]
    const inDatagrams = numbering === 'packets' && rule !== 'packets'
    // Below 0 the numbering is another one, not yet made out: nothing is known to be lost.
    const lost = inDatagrams ? 0 : Math.max(0, used.lost)
    session.account.tell({ received, lost, restarts: used.state.restarts, duplicates }, ms, entries)
    if (rule !== 'packets') this.#tellDatagrams(session, numbering, ms, entries)
  }

  /** An exporter that numbers datagrams loses datagrams: those stand in entries of their own, beside the records received. */
  #tellDatagrams(session: Session, numbering: Numbering, ms: number, entries: Deltas[]): void {
    const { sequences } = session
    const numbers = numbering === 'packets'
    if (!numbers && !session.datagramAccount) return
    session.datagramAccount ??= new Account(session.key, 'datagrams')
    const received = numbers ? sequences.packets.state.received : 0
    const lost = numbers ? Math.max(0, sequences.packets.lost) : 0
    session.datagramAccount.tell({ received, lost, restarts: 0, duplicates: 0 }, ms, entries)
  }

  #sender(exporter: string): Sender {
    const known = this.#senders.get(exporter)
    if (known) {
      known.used = true
      return known
    }
    const sender: Sender = { sessions: new Map(), used: false }
    this.#senders.set(exporter, sender)
    return sender
  }

  #forgetSession({ sessions }: Sender): void {
    sessions.delete(leastUsed(sessions))
    this.#count--
  }

  /** Forgets the sessions of the exporter not heard for longest, `keep` apart. */
  #forgetSender(keep: Sender): void {
    keep.used = true
    const exporter = leastUsed(this.#senders)
    const sender = this.#senders.get(exporter)
    if (!sender || sender === keep) {
      this.#forgetSession(keep)
      return
    }
    this.#senders.delete(exporter)
    this.#count -= sender.sessions.size
  }
}

/** Port (16 bits), version (below 128) and domain (32 bits) in one safe integer; sessions of v5 use 16 bits of domain. */
function sessionNumber(sourcePort: number, version: number, domain: number): number {
  return domain * 0x100000 + (sourcePort & 0xffff) * 16 + versionCode(version)
}

const versionCode = (version: number): number => Math.min(version, 15)

function summary(session: Session): SessionSummary {
  const { key, unit, rule, sequences, numbering, counts } = session
  const { received, restarts, outOfOrder } = sequences[rule].state
  return {
    ...key,
    unit,
    datagrams: counts.datagrams,
    received,
    lost: sequences[rule].lost - counts.repeatedUnits,
    restarts,
    outOfOrder: outOfOrder + counts.duplicates,
    duplicates: counts.duplicates,
    first: counts.first,
    last: counts.last,
    uncertain: rule === 'records' && counts.undecoded > 0,
    ...(numbering === rule ? {} : { numbering }),
    lostObserved: session.lost,
  }
}
