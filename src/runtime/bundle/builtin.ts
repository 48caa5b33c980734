import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuildOutput, JobBundle } from './bundle.ts'
import { build, store } from './bundle.ts'
import { makeCacheFolder } from './cache-folder.ts'
import { installation } from './installation.ts'

/** Where the build leaves the bundle of the built-in jobs, and the file that names it. */
const FOLDER = 'jobs'
const NAME = 'builtin.json'

/** The bundle of the built-in jobs: made by the build of this package, or now when running from source. Workers load it as any other. */
export async function builtinBundle(): Promise<JobBundle> {
  const { code } = installation()
  const built = join(code, FOLDER, NAME)
  if (existsSync(built)) {
    const { hash }: { hash: string } = JSON.parse(readFileSync(built, 'utf8'))
    return { path: join(code, FOLDER, `${hash}.cjs`), hash, source: 'flowreduce' }
  }
  const { code: module, map } = await buildJobs()
  const folder = await makeCacheFolder('bundles')
  const hash = await store(folder, module, map)
  return { path: join(folder, `${hash}.cjs`), hash, source: 'flowreduce' }
}

/** Writes the bundle of the built-in jobs to `dist`; part of the build. */
export async function writeBuiltin(dist: string): Promise<void> {
  const { code, map } = await buildJobs()
  const folder = join(dist, FOLDER)
  await mkdir(folder, { recursive: true })
  const hash = await store(folder, code, map)
  await writeFile(join(folder, NAME), JSON.stringify({ hash }))
}

function buildJobs(): Promise<BuildOutput> {
  const folder = join(installation().root, 'src', FOLDER)
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .sort()
  const imports = files.flatMap((name, index) => [
    `import * as jobs${index} from ${JSON.stringify(`./${name}`)}`,
    `import * as sample${index} from ${JSON.stringify(`sample:${join(folder, name)}`)}`,
  ])
  const all = (name: string): string =>
    `export const ${name} = { ${files.map((_, index) => `...${name}${index}`).join(', ')} }`
  return build({
    entry: [...imports, all('jobs'), all('sample'), ''].join('\n'),
    folder,
    name: 'flowreduce',
    config: undefined,
  })
}
