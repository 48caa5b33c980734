/** Writes the pages of docs/ that are made from the source; `npm test` checks that they are current. */
import { writeFile } from 'node:fs/promises'
import { cliReference } from '../src/cli/reference.ts'
import { fieldsPage } from './fields-page.ts'

await writeFile('docs/cli.md', await cliReference())
await writeFile('docs/fields.md', fieldsPage())
