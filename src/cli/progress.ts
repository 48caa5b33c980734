import { monotonicMs } from '../flow/clock.ts'
import { Progress } from '../report/progress.ts'
import { note, standardError } from './output.ts'

/** Progress on standard error: painted on a terminal, log lines elsewhere, nothing at all when the user wants quiet. */
export function standardProgress(quiet: boolean | undefined): Progress {
  const interactive = !quiet && standardError().isTTY === true
  return new Progress({
    write: (text) => {
      if (quiet) return
      if (interactive) standardError().write(text)
      else note(text.trimEnd())
    },
    interactive,
    now: monotonicMs,
    later: (ms, callback) => void setTimeout(callback, ms).unref(),
    // A terminal that does not know its width says 0.
    columns: () => standardError().columns || 80,
  })
}
