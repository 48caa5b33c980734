import type { Argv } from 'yargs'
import yargs from 'yargs'
import { nearestName } from '../vocabulary/nearest.ts'
import type { Command, Outcome } from './command.ts'
import { COMMANDS } from './commands.ts'
import { EXIT, exitCodeOf, messageOf, UsageError } from './errors.ts'
import { note } from './output.ts'
import { packageVersion } from './version.ts'

/** Carries out one command line and returns its exit code; errors are printed as one line on standard error. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  const outcome: Outcome = { exitCode: EXIT.done }
  try {
    checkCommandName(words)
    await createParser(words, outcome).parseAsync()
    return outcome.exitCode
  } catch (error) {
    note(`flowreduce: ${messageOf(error)}`)
    return exitCodeOf(error)
  }
}

/** The parser with every command registered; also what docs/cli.md is made from. */
export function createParser(words: readonly string[], outcome: Outcome): Argv {
  const parser = yargs([...words])
    .scriptName('flowreduce')
    .usage('flowreduce <command>\n\nMapReduce for network flows: NetFlow and IPFIX in, exact answers out.')
    .parserConfiguration({ 'dot-notation': false, 'greedy-arrays': false, 'parse-positional-numbers': false })
    .locale('en')
    .strict()
    .recommendCommands()
    .demandCommand(1, 'expected a command: see flowreduce --help')
    .help('help')
    .alias('help', 'h')
    .version(packageVersion())
    .wrap(Math.min(process.stdout.columns ?? 100, 120))
    .epilogue('An option may also be set by a variable (--store by FLOWREDUCE_STORE) or by the configuration file.')
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(explain(message, words))
    })
  for (const command of COMMANDS) command.register(parser, outcome)
  return parser
}

/** yargs would take an unknown first word for an unknown argument; say what it is, and what was probably meant. */
function checkCommandName(words: readonly string[]): void {
  let commands: readonly Command[] = COMMANDS
  let path = ''
  for (const word of words) {
    if (word.startsWith('-')) return
    const command = commands.find(({ name }) => name === word)
    if (command === undefined) {
      throw new UsageError(
        `unknown command "${path}${word}"${suggestion(
          word,
          commands.map(({ name }) => name),
          `flowreduce ${path}`,
        )} (flowreduce ${path}--help lists them)`,
      )
    }
    if (command.commands.length === 0) return
    commands = command.commands
    path = `${path}${word} `
  }
}

/** A message of yargs in this project's words, with the nearest option when one is unknown. */
function explain(message: string, words: readonly string[]): string {
  const unknown = /^Unknown arguments?: (.*)$/s.exec(message)?.[1]
  if (unknown === undefined) return `${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\s*\n\s*/g, ' ')}`
  const names = unknown
    .split(', ')
    .filter((name, index, all) => all.indexOf(kebab(name)) === -1 || name === kebab(name) || index === -1)
  const known = chosenCommand(words)?.optionNames ?? []
  return names
    .map((name) =>
      words.includes(name)
        ? `unexpected argument "${name}"`
        : `unknown option --${name}${suggestion(name, known, '--')}`,
    )
    .join('; ')
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

function chosenCommand(words: readonly string[]): Command | undefined {
  let commands: readonly Command[] = COMMANDS
  let chosen: Command | undefined
  for (const word of words) {
    const next = commands.find(({ name }) => name === word)
    if (next === undefined) break
    chosen = next
    commands = next.commands
  }
  return chosen
}

/** `; did you mean x?` when a known name is near. */
function suggestion(word: string, known: readonly string[], prefix: string): string {
  const found = nearestName(word, known)
  return found === undefined ? '' : `; did you mean ${prefix}${found}?`
}
