/** How a session numbers its messages: by the records or the datagrams sent before, or by the records including those of the message. */
export type Numbering = 'records' | 'packets' | 'records-inclusive'

export const NUMBERINGS: readonly Numbering[] = ['records', 'packets', 'records-inclusive']

/** Numberings to try beside the protocol's, the one believed on equal evidence first. */
const OTHERS: readonly Numbering[] = ['records-inclusive', 'packets', 'records']

/** Steps from one message to the next that must be seen, and that only another numbering explains, before it is believed. */
const ENOUGH = 3

type Tally = { [N in Numbering]: number }

/** What the steps between messages say of a session's numbering, as plain data. */
export interface EvidenceState {
  steps: number
  readonly explained: Tally
  /** Steps that would number a unit twice. */
  readonly ruledOut: Tally
  /** Number of the message before. */
  last: number
  /** Its records; -1 while some of it waits for a template, and at the start. */
  units: number
}

const none = (): Tally => ({ records: 0, packets: 0, 'records-inclusive': 0 })

const start = (): EvidenceState => ({ steps: 0, explained: none(), ruledOut: none(), last: 0, units: -1 })

/** Weighs which numbering an exporter uses, because not all follow the RFC. */
export class Evidence {
  readonly state: EvidenceState

  constructor(state: EvidenceState = start()) {
    this.state = { ...state, explained: { ...state.explained }, ruledOut: { ...state.ruledOut } }
  }

  /** Takes the next message of `units` records; `complete` says that all its sets could be decoded. */
  take(number: number, units: number, complete: boolean): void {
    const { state } = this
    if (state.units >= 0 && complete) {
      const { explained, ruledOut } = state
      const step = (number - state.last) | 0
      state.steps++
      // By name, not by a variable that holds it: every datagram comes here.
      if (step === state.units) explained.records++
      else if (step >= 0 && step < state.units) ruledOut.records++
      if (step === 1) explained.packets++
      else if (step === 0) ruledOut.packets++
      if (step === units) explained['records-inclusive']++
      else if (step >= 0 && step < units) ruledOut['records-inclusive']++
    }
    state.last = number
    state.units = complete ? units : -1
  }

  /** The step to the next message says nothing. */
  skip(): void {
    this.state.units = -1
  }

  /** The numbering in use: the rule's, unless another that nothing rules out explains clearly more. */
  best(rule: Numbering): Numbering {
    const { steps, explained, ruledOut } = this.state
    let best = rule
    if (steps < ENOUGH || (rule === 'records' ? explained.records : explained[rule]) === steps) return best
    const needed = explained[rule] + (ruledOut[rule] > 0 ? 1 : ENOUGH)
    for (const other of OTHERS) {
      if (explained[other] >= needed && ruledOut[other] === 0 && explained[other] > explained[best]) best = other
    }
    return best
  }
}
