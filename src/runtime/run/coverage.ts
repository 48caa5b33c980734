import type { Period, Snapshot } from '../../storage/manifest/snapshot.ts'
import type { Counters } from '../counters.ts'
import { RuntimeError } from '../error.ts'
import type { DatasetInput, Plan } from '../plan/plan.ts'

/** What share of the traffic a result rests on. */
export interface Coverage {
  /** Flows of the period that the job was given, before its own filter. */
  readonly flows: number
  /** Lost between exporter and collector, in the units in which each session counts. */
  readonly lost: { readonly flows: number; readonly datagrams: number; readonly records: number }
  /** Data sets given up because their template never came. */
  readonly undecodable: number
  /** Datagrams refused as a whole. */
  readonly malformed: number
  /** Flows in damaged chunks. */
  readonly corrupt: number
  /** Flows set aside, at ingest or by this run. */
  readonly quarantined: number
  /** Flows whose sampling is unknown, counted as unsampled. */
  readonly samplingUnknown: number
}

/** The datasets that a plan reads. */
export const datasetInputs = (plan: Plan): readonly DatasetInput[] =>
  plan.stages.flatMap((stage) =>
    stage.type === 'map' ? stage.inputs.filter((input): input is DatasetInput => input.type === 'dataset') : [],
  )

/** What a snapshot says of flows that are not in it, for the period of a plan. */
export type Losses = Pick<Coverage, 'lost' | 'undecodable' | 'malformed' | 'quarantined'>

/** Sums up the ledger of what a plan reads. */
export async function lossesOf(snapshot: Snapshot, plan: Plan): Promise<Losses> {
  const period: Period = {
    ...(plan.from === null ? {} : { from: plan.from }),
    ...(plan.to === null ? {} : { to: plan.to }),
  }
  const lost = { flows: 0, datagrams: 0, records: 0 }
  let undecodable = 0
  let malformed = 0
  let quarantined = 0
  for (const dataset of new Set(datasetInputs(plan).map((input) => input.dataset))) {
    // A store into which nothing has come yet has no dataset, and so no ledger.
    if (!snapshot.has(dataset)) continue
    for await (const entries of snapshot.ledgerPages(dataset, period)) {
      for (const entry of entries) {
        lost[entry.unit] += entry.lost
        undecodable += entry.undecodable
        malformed += entry.malformed
        quarantined += entry.quarantined
      }
    }
  }
  return { lost, undecodable, malformed, quarantined }
}

/** Coverage of a run: from the ledger, and from its counters. */
export function coverageOf(losses: Losses, plan: Plan, counters: Counters): Coverage {
  const { lost, undecodable, malformed } = losses
  const known = datasetInputs(plan).reduce((sum, { samplingUnknown }) => sum + samplingUnknown, 0)
  return {
    flows: counters.mapped + counters.unmatched + counters.quarantined,
    ...{ lost, undecodable, malformed },
    corrupt: counters.corrupt,
    quarantined: losses.quarantined + counters.quarantined,
    samplingUnknown: known + counters.samplingUnknown,
  }
}

/** The check that no run may fail: every row of the datasets read is pruned, corrupt, filtered, mapped or quarantined, once. */
export function checkConserved(plan: Plan, counters: Counters): void {
  const expected = datasetInputs(plan).reduce((sum, { records }) => sum + records, 0)
  const { pruned, corrupt, outsidePeriod, unmatched, mapped, quarantined } = counters
  const got = pruned + corrupt + outsidePeriod + unmatched + mapped + quarantined
  if (got === expected) return
  const parts = `${pruned} pruned + ${corrupt} corrupt + ${outsidePeriod + unmatched} filtered + ${mapped} mapped + ${quarantined} quarantined`
  throw new RuntimeError('not-conserved', `run: flows of the snapshot expected ${expected}, got ${got} (${parts})`, {
    expected,
    got,
  })
}
