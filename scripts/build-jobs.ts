/** Writes the bundle of the built-in jobs to dist/jobs; the last step of the build. */
import { join } from 'node:path'
import { writeBuiltin } from '../src/runtime/bundle/builtin.ts'
import { installation } from '../src/runtime/bundle/installation.ts'

await writeBuiltin(join(installation().root, 'dist'))
