/** Bound on the memory of a compaction when none is given: enough for two threads and a block of 1.4 million flows, as imports make them. */
export const DEFAULT_MEMORY = '512MB'
