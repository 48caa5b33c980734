import { describe, expect, it } from 'vitest'
import { flowreduce } from './command.ts'

describe('flowreduce', () => {
  it('prints its help and its version on standard output and ends with 0', async () => {
    const help = await flowreduce(['--help'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toContain('flowreduce <command>')
    const version = await flowreduce(['--version'])
    expect(version).toMatchObject({ code: 0, stderr: '' })
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('ends with 2 and a line that says what to do when there is no command', async () => {
    const stderr = 'flowreduce: expected a command: see flowreduce --help\n'
    expect(await flowreduce([])).toMatchObject({ code: 2, stdout: '', stderr })
  })
})
