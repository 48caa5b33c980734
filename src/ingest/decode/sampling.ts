/** `size` of `population` packets were seen; 0 of 0 is unknown, 1 of 1 is all. `assumed`: the configuration says so, not the exporter. */
export interface Sampling {
  readonly size: number
  readonly population: number
  readonly assumed: boolean
}

export const UNKNOWN_SAMPLING: Sampling = { size: 0, population: 0, assumed: false }
