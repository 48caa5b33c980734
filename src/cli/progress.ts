import { Progress } from '../report/progress.ts'

/** Progress on standard error, or nothing at all when the user wants quiet. */
export function standardProgress(quiet: boolean | undefined): Progress {
  return new Progress({
    write: (text) => {
      if (!quiet) process.stderr.write(text)
    },
    interactive: process.stderr.isTTY === true,
    now: () => performance.now(),
    columns: () => process.stderr.columns ?? 80,
  })
}
