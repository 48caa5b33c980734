/** How often a long test repeats: in full by `npm run soak`, as a sample in CI (FLOWREDUCE_SOAK=sample), or as often as `variable` says. */
export function soakCount({ full, sample, variable }: { full: number; sample: number; variable: string }): number {
  return Number(process.env[variable] ?? (process.env.FLOWREDUCE_SOAK === 'sample' ? sample : full))
}
