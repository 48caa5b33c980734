/** What the committed attempts of a run did. Every flow of the snapshot is in exactly one of pruned, corrupt, filtered (outsidePeriod + unmatched), mapped, quarantined. */
export interface Counters {
  /** Rows of the input that were left out with their block or chunk, by the statistics of the manifest. */
  readonly pruned: number
  /** Rows in damaged chunks that were skipped. */
  readonly corrupt: number
  /** Rows read that lie outside the period. */
  readonly outsidePeriod: number
  /** Rows inside the period that the filter left out. */
  readonly unmatched: number
  /** Rows whose `map` returned. */
  readonly mapped: number
  /** Rows whose `map` threw. */
  readonly quarantined: number
  /** Rows inside the period whose sampling is unknown. */
  readonly samplingUnknown: number
  /** Rows that mappers emitted. */
  readonly emitted: number
  /** Sorted runs written because a budget was full. */
  readonly spills: number
  /** Records and bytes of the run files that map tasks left. */
  readonly shuffledRecords: number
  readonly shuffledBytes: number
  /** Records that reduce tasks merged. */
  readonly mergedRecords: number
  /** Rows that reduce tasks made, but for those that were seen to come behind a limit before they were made. */
  readonly reducedRows: number
  /** Rows and bytes of the result blocks. */
  readonly resultRows: number
  readonly resultBytes: number
}

export const NO_COUNTERS: Counters = {
  pruned: 0,
  corrupt: 0,
  outsidePeriod: 0,
  unmatched: 0,
  mapped: 0,
  quarantined: 0,
  samplingUnknown: 0,
  emitted: 0,
  spills: 0,
  shuffledRecords: 0,
  shuffledBytes: 0,
  mergedRecords: 0,
  reducedRows: 0,
  resultRows: 0,
  resultBytes: 0,
}

/** Counters of a task while it runs. */
export type LiveCounters = { -readonly [N in keyof Counters]: Counters[N] }

export function addCounters(a: Counters, b: Partial<Counters>): Counters {
  const sum: LiveCounters = { ...a }
  for (const name of Object.keys(NO_COUNTERS) as (keyof Counters)[]) sum[name] += b[name] ?? 0
  return sum
}

/** Counters that the user's code keeps. */
export type UserCounters = { readonly [name: string]: number }

export function addUserCounters(a: UserCounters, b: UserCounters): UserCounters {
  const sum: { [name: string]: number } = { ...a }
  for (const [name, value] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + value
  return sum
}
