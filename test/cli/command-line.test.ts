import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineCommand, defineFamily } from '../../src/cli/command.ts'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { InterruptedError, UsageError } from '../../src/cli/errors.ts'

interface Seen {
  store: string | undefined
  top: number | undefined
  set: string[] | undefined
  files: string[] | undefined
  quiet: boolean | undefined
}

let seen: Seen | undefined
let fails: Error | undefined

const copy = defineCommand({
  usage: 'copy <from> [files..]',
  summary: 'Copy things',
  positionals: { from: { type: 'string', demandOption: true }, files: { type: 'string', array: true } },
  options: {
    store: { type: 'string', describe: 'Store' },
    'block-size': { type: 'string', describe: 'Size' },
    top: { type: 'number', describe: 'Rows' },
    set: { type: 'string', array: true, describe: 'Parameter' },
    format: { choices: ['table', 'json'], default: 'table' },
    quiet: { type: 'boolean' },
  },
  examples: [['flowreduce copy a', 'Copy a']],
  async run({ store, top, set, files, quiet }) {
    if (fails) throw fails
    seen = { store, top, set, files, quiet }
    return undefined
  },
})

const commands = [copy, defineFamily({ name: 'box', summary: 'Boxes', commands: [copy] })]

let stderr = ''

beforeEach(() => {
  seen = undefined
  fails = undefined
  stderr = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text
    return true
  })
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

const run = (line: string): Promise<number> => runCommandLine(line.split(' '), commands)

describe('runCommandLine', () => {
  it('reads options, repeated options and positional arguments', async () => {
    expect(await run('copy a --set x=1 --set y=2 b c --store file:s --top 5 --quiet')).toBe(0)
    expect(seen).toEqual({ store: 'file:s', top: 5, set: ['x=1', 'y=2'], files: ['b', 'c'], quiet: true })
  })

  it('takes a variable where the command line is silent', async () => {
    vi.stubEnv('FLOWREDUCE_STORE', 'file:variable')
    vi.stubEnv('FLOWREDUCE_TOP', '7')
    vi.stubEnv('FLOWREDUCE_QUIET', 'true')
    vi.stubEnv('FLOWREDUCE_SET', 'a=1 b=2')
    vi.stubEnv('FLOWREDUCE_SOMETHING_ELSE', 'x')
    await run('copy a')
    expect(seen).toMatchObject({ store: 'file:variable', top: 7, quiet: true, set: ['a=1', 'b=2'] })
    await run('copy a --store file:option --no-quiet')
    expect(seen).toMatchObject({ store: 'file:option', quiet: false })
  })

  it('gives a subcommand of a family its arguments', async () => {
    expect(await run('box copy a --top 1')).toBe(0)
    expect(seen?.top).toBe(1)
  })

  it.each([
    ['cpoy a', 'unknown command "cpoy"; did you mean flowreduce copy? (flowreduce --help lists them)'],
    ['box cpy a', 'unknown command "box cpy"; did you mean flowreduce box copy? (flowreduce box --help lists them)'],
    ['box', 'expected a command of box: copy'],
    ['copy a --stroe file:x', 'unknown option --stroe; did you mean --store?'],
    ['copy a --blocksize 3', 'unknown option --blocksize; did you mean --block-size?'],
    ['copy a --cache yes', 'unknown option --cache (flowreduce copy --help lists them)'],
    ['box copy a --no-cache', 'unknown option --no-cache (flowreduce box copy --help lists them)'],
    ['copy a --block-siez 3', 'unknown option --block-siez; did you mean --block-size?'],
    ['copy', 'expected flowreduce copy <from> [files..], got too few arguments'],
    ['box copy', 'expected flowreduce box copy <from> [files..], got too few arguments'],
    ['copy a --top five', '--top: expected a number, got something else'],
    ['copy a --top 1 --top 2', '--top: expected once, got 2 times'],
    ['copy a --store', '--store: expected a value, got none'],
    ['copy a --format xml', '--format: expected one of table, json, got "xml"'],
  ])('ends "%s" with 2 and one line', async (line, message) => {
    expect(await run(line)).toBe(2)
    expect(stderr).toBe(`flowreduce: ${message}\n`)
    expect(seen).toBeUndefined()
  })

  it('tells wrong requests, failures and interruptions apart by exit code', async () => {
    fails = new UsageError('--from: expected a time')
    expect(await run('copy a')).toBe(2)
    fails = new InterruptedError('interrupted')
    expect(await run('copy a')).toBe(130)
    fails = new Error('outer', { cause: new Error('inner\n  at somewhere') })
    expect(await run('copy a')).toBe(1)
    expect(stderr.split('\n').at(-2)).toBe('flowreduce: outer: inner at somewhere')
  })
})
