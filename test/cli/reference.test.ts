import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { cliReference } from '../../src/cli/reference.ts'

describe('docs/cli.md', () => {
  it('is what the help of the commands says (npm run docs writes it)', async () => {
    const page = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8')
    expect(page).toBe(await cliReference())
  })
})
