import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'

/** The folder of the demo, relative to the working folder. */
export const DEMO_FOLDER = '.flowreduce-demo'

/** Says that a folder is a demo's and may be deleted. */
const MARKER = 'this-is-a-flowreduce-demo'

/** Makes the folder of the demo anew. What an earlier demo left is deleted; a folder that no demo made is left alone and named. */
export async function freshDemoFolder(): Promise<string> {
  const folder = resolve(DEMO_FOLDER)
  if (existsSync(folder) && !existsSync(join(folder, MARKER)) && (await readdir(folder)).length > 0) {
    throw new UsageError(
      `demo: ${folder} expected to be the folder of an earlier demo, got something else: move it away`,
    )
  }
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, MARKER), 'flowreduce demo deletes this folder when it starts again\n')
  return folder
}
