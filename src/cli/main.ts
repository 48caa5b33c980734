#!/usr/bin/env node
/** The command line. Only yargs and the descriptions of the commands load at the start; each command loads what it needs. */
import { runCommandLine } from './command-line.ts'
import { tolerateClosedPipes } from './output.ts'

tolerateClosedPipes()
process.exitCode = await runCommandLine(process.argv.slice(2))
