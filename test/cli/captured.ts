import { vi } from 'vitest'
import { runCommandLine } from '../../src/cli/command-line.ts'

export interface Captured {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Carries out a command line in this process; words are split at blanks, `~` stands for a blank inside a word. */
export async function flowreduce(line: string): Promise<Captured> {
  const texts = { stdout: '', stderr: '' }
  const collect = (name: 'stdout' | 'stderr') =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      texts[name] += text
      return true
    })
  const spies = [collect('stdout'), collect('stderr')]
  try {
    const words = line.split(' ').map((word) => word.replaceAll('~', ' '))
    return { code: await runCommandLine(words), ...texts }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
