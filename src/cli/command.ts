import type { Argv, InferredOptionTypes, Options } from 'yargs'
import { UsageError } from './errors.ts'
import { setLogFormat } from './output.ts'

/** The options, or the positional arguments, of a command by name. */
export type OptionTable = { readonly [name: string]: Options }

/** No options: the empty table. */
type NoOptions = Record<never, Options>

/** One command of the command line: what its help says, and what it does. Only `run` may load more than this file. */
export interface CommandDefinition<P extends OptionTable, O extends OptionTable> {
  /** Name and positional arguments as yargs writes them: `run <job> [files..]`. */
  readonly usage: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Further paragraphs of the command's own help. */
  readonly details?: string
  readonly positionals?: P
  readonly options?: O
  /** Command lines that work as they stand, each with what it does. */
  readonly examples: readonly Example[]
  /** Does it; the result is the exit code, 0 when there is none. */
  run(args: Arguments<P, O>): Promise<number | undefined>
}

export type Example = readonly [commandLine: string, meaning: string]

/** What the options of a table, declared `as const satisfies OptionTable`, are read as. */
export type OptionsOf<O extends OptionTable> = InferredOptionTypes<O>

export type Arguments<P extends OptionTable, O extends OptionTable> = InferredOptionTypes<P> & InferredOptionTypes<O>

/** A command with its types put away, or a family of commands (`fs ls`, `fs cat`, ...). */
export interface Command {
  readonly name: string
  /** Name and positional arguments. */
  readonly usage: string
  readonly summary: string
  /** The commands of a family; empty for a command that does something itself. */
  readonly commands: readonly Command[]
  /** Names of all its options, for suggestions. */
  readonly optionNames: readonly string[]
  /** `family` is what stands before the name on a command line: empty, or `fs ` and the like. */
  register(parser: Argv, outcome: Outcome, family?: string): void
}

/** Where the chosen command leaves its exit code. */
export interface Outcome {
  exitCode: number
}

/** Makes a command; see `CommandDefinition`. */
export function defineCommand<const P extends OptionTable = NoOptions, const O extends OptionTable = NoOptions>(
  definition: CommandDefinition<P, O>,
): Command {
  const { usage, summary, details = '', positionals, options, examples } = definition
  const optionTable: OptionTable = options ?? {}
  const positionalTable: OptionTable = positionals ?? {}
  const build = (parser: Argv, family: string): Argv => {
    parser.usage(`flowreduce ${family}${usage}\n\n${summary}.${details === '' ? '' : `\n\n${details}`}`)
    for (const [name, option] of Object.entries(positionalTable)) {
      // `demandOption` of a positional argument is said by its brackets.
      parser.positional(name, { ...option, type: option.type === 'array' ? 'string' : option.type } as Options & {
        type: 'string'
      })
    }
    for (const [name, option] of Object.entries(optionTable))
      parser.option(name, { requiresArg: option.type !== 'boolean', ...option })
    parser
      .version(false)
      .epilogue(`Examples:\n${examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`).join('\n')}`)
    return parser.config(fromEnvironment(optionTable))
  }
  return {
    name: usage.split(' ')[0]!,
    usage,
    summary,
    commands: [],
    optionNames: Object.keys(optionTable),
    register(parser, outcome, family = '') {
      const describe = (command: Argv): Argv => build(command, family)
      parser.command(usage, summary, describe, async (args) => {
        checkScalars(args, optionTable)
        if (args['log-format'] === 'json') setLogFormat('json')
        outcome.exitCode = (await definition.run(args as unknown as Arguments<P, O>)) ?? 0
      })
    },
  }
}

/** Makes a family of commands under one name. */
export function defineFamily({
  name,
  summary,
  commands,
}: {
  name: string
  summary: string
  commands: readonly Command[]
}): Command {
  return {
    name,
    usage: `${name} <command>`,
    summary,
    commands,
    optionNames: [],
    register(parser, outcome) {
      parser.command(
        name,
        summary,
        (family) => {
          family.usage(`flowreduce ${name} <command>\n\n${summary}.`)
          for (const command of commands) command.register(family, outcome, `${name} `)
          return family.demandCommand(
            1,
            `expected a command of ${name}: ${commands.map((command) => command.name).join(', ')}`,
          )
        },
        () => {},
      )
    },
  }
}

/** `FLOWREDUCE_STORE` for `--store`, and so on: they stand between the command line and the configuration file. */
function fromEnvironment(options: OptionTable): { [name: string]: string | readonly string[] } {
  const found: { [name: string]: string | readonly string[] } = {}
  for (const [name, option] of Object.entries(options)) {
    const text = process.env[environmentName(name)]
    if (text !== undefined && text !== '') found[name] = option.array ? text.split(/\s+/) : text
  }
  return found
}

/** The environment variable that stands for an option. */
export function environmentName(option: string): string {
  return `FLOWREDUCE_${option.replaceAll('-', '_').toUpperCase()}`
}

function checkScalars(args: { readonly [name: string]: unknown }, options: OptionTable): void {
  for (const [name, { array = false, type }] of Object.entries(options)) {
    const value = args[name]
    if (!array && Array.isArray(value)) throw new UsageError(`--${name}: expected once, got ${value.length} times`)
    if (type === 'number' && Number.isNaN(value))
      throw new UsageError(`--${name}: expected a number, got something else`)
  }
}
