/** Writes the pages of docs/ that are made from the source; `npm test` checks that they are current. */
import { writeFile } from 'node:fs/promises'
import { cliReference } from '../src/cli/reference.ts'

await writeFile('docs/cli.md', await cliReference())
