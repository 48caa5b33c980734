/** The command line. Only yargs and the descriptions of the commands load at the start; each command loads what it needs. */
import { runCommandLine } from './command-line.ts'
import { isWritten, tolerateClosedPipe } from './output.ts'

tolerateClosedPipe()
void runCommandLine(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode
  // Taking the heap apart, and waiting for what nobody waits for, takes longer than some commands.
  if (isWritten()) process.exit()
})
