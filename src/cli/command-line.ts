import type { Argv } from 'yargs'
import yargs from 'yargs'
import { nearestName } from '../flow/nearest.ts'
import { installation } from '../runtime/bundle/installation.ts'
import type { Command, Outcome } from './command.ts'
import { COMMANDS } from './commands/all.ts'
import { commandOf, EXIT, exitCodeOf, messageOf, UsageError } from './errors.ts'
import { note } from './output.ts'

/** Carries out one command line and returns its exit code; errors are printed as one line on standard error. */
export async function runCommandLine(
  words: readonly string[],
  commands: readonly Command[] = COMMANDS,
): Promise<number> {
  const outcome: Outcome = { exitCode: EXIT.done }
  try {
    checkCommandName(words, commands)
    await createParser(words, commands, outcome).parseAsync()
    return outcome.exitCode
  } catch (error) {
    note(messageOf(error), 'error')
    const command = commandOf(error)
    if (command !== undefined) note(`try that again alone: ${command}`)
    return exitCodeOf(error)
  }
}

/** The parser with every command registered; also what docs/cli.md is made from. */
export function createParser(words: readonly string[], commands: readonly Command[], outcome: Outcome): Argv {
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
    .version(installation().version)
    .wrap(Math.min(process.stdout.columns ?? 100, 120))
    .epilogue('An option may also be set by a variable (--store by FLOWREDUCE_STORE) or by the configuration file.')
    .exitProcess(false)
    .fail((message, error) => {
      if (error && error.name !== 'YError') throw error
      throw new UsageError(explain(message ?? error.message, words, commands))
    })
  for (const command of commands) command.register(parser, outcome)
  keepNoHelp(parser)
  return parser
}

/**
 * yargs renders the help of a command each time one has run, to have it at hand should it be asked for; this takes longer than loading yargs.
 * Its usage is reached as its own completion reaches it; should that ever change, help is rendered again.
 */
function keepNoHelp(parser: Argv): void {
  const { getInternalMethods } = parser as {
    getInternalMethods?: () => { getUsageInstance(): { cacheHelpMessage(): void } }
  }
  const usage = getInternalMethods?.call(parser).getUsageInstance()
  if (usage) usage.cacheHelpMessage = () => {}
}

/** yargs would take an unknown first word for an unknown argument; say what it is, and what was probably meant. */
function checkCommandName(words: readonly string[], all: readonly Command[]): void {
  let commands = all
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

/** A message of yargs in this project's words: what was expected, what came, and the nearest option when one is unknown. */
function explain(message: string, words: readonly string[], commands: readonly Command[]): string {
  const { path, command } = chosenCommand(words, commands)
  const [, unknown] = /^Unknown arguments?: (.*)$/s.exec(message) ?? []
  if (unknown !== undefined) return explainUnknown(unknown.split(', '), words, { path, command })
  const [, bare] = /^Not enough arguments following: (.*)$/.exec(message) ?? []
  if (bare !== undefined) return `--${bare}: expected a value, got none`
  if (message.startsWith('Not enough non-option arguments'))
    return `expected flowreduce ${path}${command?.usage ?? ''}, got too few arguments`
  const [, name, given, choices = ''] = /Argument: (\S+), Given: (.*?), Choices: (.*)/.exec(message) ?? []
  if (name !== undefined) return `--${name}: expected one of ${choices.replaceAll('"', '')}, got ${given}`
  return `${message.charAt(0).toLowerCase()}${message.slice(1).replace(/\s*\n\s*/g, ' ')}`
}

function explainUnknown(unknown: readonly string[], words: readonly string[], { path, command }: Chosen): string {
  // yargs names an option with a hyphen twice, as written and in camel case, and one that begins with no- without that.
  const names = new Set(unknown.map((name) => (words.includes(name) ? name : kebab(name))))
  const help = ` (flowreduce ${path}${command ? `${command.name} ` : ''}--help lists them)`
  const problems = [...names].map((name) => {
    if (words.includes(name)) return `unexpected argument "${name}"`
    if (name.length === 1) return `unknown option -${name}${help}`
    const written = words.includes(`--no-${name}`) ? `no-${name}` : name
    return `unknown option --${written}${suggestion(name, command?.optionNames ?? [], '--') || help}`
  })
  return problems.join('; ')
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** The command that the words name, and the names of the families in front of it. */
interface Chosen {
  readonly path: string
  readonly command: Command | undefined
}

function chosenCommand(words: readonly string[], all: readonly Command[]): Chosen {
  let commands = all
  let command: Command | undefined
  let path = ''
  for (const word of words) {
    const next = commands.find(({ name }) => name === word)
    if (next === undefined) break
    if (command !== undefined) path += `${command.name} `
    command = next
    commands = next.commands
  }
  return { path, command }
}

/** `; did you mean x?` when a known name is near. */
function suggestion(word: string, known: readonly string[], prefix: string): string {
  const found = nearestName(word, known)
  return found === undefined ? '' : `; did you mean ${prefix}${found}?`
}
