import { resumeRun } from '../../runtime/run/resume.ts'
import { realSystem } from '../../storage/system.ts'
import type { OptionsOf } from '../command.ts'
import type { resumeOptions } from '../commands/resume.ts'
import { EXIT } from '../errors.ts'
import { openManifestOf } from '../open.ts'
import { chooseFormat } from '../print.ts'
import { withUpkeep } from '../upkeep.ts'
import { executionOf, printOutcome, watched } from './run.ts'

export async function resumeAction(args: OptionsOf<typeof resumeOptions> & { run: string }): Promise<number> {
  const format = await chooseFormat(args)
  const execution = executionOf(args)
  const opened = await openManifestOf(args)
  const outcome = await watched(args.quiet, execution, (watch) =>
    withUpkeep(opened.store, () =>
      resumeRun({ ...execution, ...opened, ...watch, run: args.run, system: realSystem() }),
    ),
  )
  await printOutcome(args, format, outcome)
  return EXIT.done
}
