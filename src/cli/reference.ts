import type { Command } from './command.ts'
import { createParser } from './command-line.ts'
import { COMMANDS } from './commands/all.ts'

/** The text of docs/cli.md: the help of every command, as yargs prints it. */
export async function cliReference(): Promise<string> {
  const sections = [
    '# Command line',
    '<!-- Written by `npm run docs` from the help of the commands. -->',
    'Data goes to standard output; progress, notes and errors go to standard error. Precedence of a setting: option, `FLOWREDUCE_*` variable, configuration file, default. ' +
      'Exit codes: 0 done; 1 the work failed; 2 the request is wrong and nothing was touched; 130 interrupted, and what can be taken up again can be.',
    'In JSON, CSV and NDJSON times are ISO 8601 in UTC, byte counts are whole numbers and 64-bit integers are written whole (`--int64 string` quotes them). ' +
      'CSV is quoted as RFC 4180 says, with a line feed at the end of lines; text is written as it is, so a spreadsheet may take a name that starts with `=` for a formula.',
    block(await helpOf([])),
  ]
  for (const command of COMMANDS) sections.push(...(await sectionsOf(command, [])))
  return `${sections.join('\n\n')}\n`
}

async function sectionsOf(command: Command, path: readonly string[]): Promise<string[]> {
  const words = [...path, command.name]
  if (command.commands.length === 0) return [`## ${words.join(' ')}`, block(await helpOf(words))]
  const sections: string[] = []
  for (const child of command.commands) sections.push(...(await sectionsOf(child, words)))
  return sections
}

function helpOf(words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const parser = createParser([...words, '--help'], COMMANDS, { exitCode: 0 }).wrap(100)
    const done = (error: Error | undefined, _args: unknown, output: string): void =>
      error ? reject(error) : resolve(output)
    Promise.resolve(parser.parse([...words, '--help'], {}, done)).catch(reject)
  })
}

const block = (text: string): string => `\`\`\`text\n${text.trim()}\n\`\`\``
