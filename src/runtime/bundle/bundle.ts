import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rename, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import type { BuildResult, Message } from 'esbuild'
import { JobError, problemsError } from '../../vocabulary/error.ts'
import { makeCacheFolder } from './cache-folder.ts'
import { isFresh, readRecord, writeRecord } from './record.ts'

/** A job or configuration file with all that it imports but `flowreduce` and `zod`, as one module. */
export interface JobBundle {
  /** The module; its source map lies beside it, with `.map` added. */
  readonly path: string
  /** SHA-256 of the module's code (whitespace-minified, without the map): identifies it wherever the file lies. */
  readonly hash: string
  /** The file it was made from. */
  readonly source: string
}

export interface BundleOptions {
  /** Folder of the cache; that of the user unless given. */
  readonly cache?: string
  /** The configuration file, for jobs in YAML that name its aggregates. */
  readonly config?: string
}

/**
 * Bundles a job or configuration file (TypeScript, JavaScript or YAML), wherever it lies: `flowreduce` and `zod` are those of the program that loads it.
 * The bundle lies in the cache under its hash; a file that has not changed since is not bundled again.
 */
export async function bundleJob(file: string, { cache, config }: BundleOptions = {}): Promise<JobBundle> {
  const source = resolve(file)
  const found = await stat(source).catch(() => undefined)
  if (!found?.isFile())
    throw new JobError('bad-bundle', `bundle: expected a job file, got ${found ? 'a folder' : 'nothing'} at ${file}`, {
      file,
    })
  const folder = await makeCacheFolder('bundles', cache)
  const key = config === undefined ? source : `${source}\n${resolve(config)}`
  const known = await readRecord(folder, key)
  if (known && (await isFresh(known)) && existsSync(join(folder, `${known.hash}.cjs`)))
    return { path: join(folder, `${known.hash}.cjs`), hash: known.hash, source }
  const { code, map, inputs } = await build({
    entry: entryOf(source),
    folder: dirname(source),
    name: basename(source),
    config,
  })
  const hash = await store(folder, code, map)
  await writeRecord(folder, key, hash, inputs)
  return { path: join(folder, `${hash}.cjs`), hash, source }
}

/** The module that exports a file's exports twice: as they are, and in a second copy of the file's code. */
function entryOf(source: string): string {
  const sample = /\.ya?ml$/.test(source) ? source : `sample:${source}`
  return `import * as jobs from ${JSON.stringify(source)}\nimport * as sample from ${JSON.stringify(sample)}\nexport { jobs, sample }\n`
}

export interface BuildInput {
  readonly entry: string
  /** Folder that imports of the entry and paths in the source map are relative to. */
  readonly folder: string
  /** What the file is called in messages. */
  readonly name: string
  readonly config: string | undefined
}

export interface BuildOutput {
  readonly code: Uint8Array
  readonly map: Uint8Array
  /** Absolute paths of all files that are in it. */
  readonly inputs: readonly string[]
}

/** Runs esbuild, which is loaded only here, as is the reader of YAML. */
export async function build({ entry, folder, name, config }: BuildInput): Promise<BuildOutput> {
  const esbuild = await import('esbuild')
  const { jobPlugin } = await import('./plugin.ts')
  let result: BuildResult<{ write: false; metafile: true }>
  try {
    result = await esbuild.build({
      stdin: { contents: entry, resolveDir: folder, sourcefile: 'entry', loader: 'js' },
      absWorkingDir: folder,
      outfile: join(folder, 'bundle.cjs'),
      write: false,
      metafile: true,
      bundle: true,
      // One function, as pieces of programs are, so that V8's code of it can be kept.
      format: 'cjs',
      banner: { js: '(function (exports, require, module, __url) {' },
      footer: { js: '})' },
      define: { 'import.meta.url': '__url' },
      supported: { 'dynamic-import': false },
      platform: 'node',
      target: 'node20',
      minifyWhitespace: true,
      legalComments: 'none',
      sourcemap: 'external',
      sourcesContent: false,
      logLevel: 'silent',
      tsconfigRaw: {},
      plugins: [jobPlugin(config && resolve(config))],
    })
  } catch (error) {
    throw buildError(name, folder, error)
  }
  const output = (suffix: string): Uint8Array => result.outputFiles.find(({ path }) => path.endsWith(suffix))!.contents
  const files = Object.keys(result.metafile.inputs).filter((path) => !path.startsWith('provided:'))
  const inputs = files.map((path) => resolve(folder, path.replace(/^sample:/, '')))
  return {
    code: output('.cjs'),
    map: nameSources(output('.cjs.map'), folder),
    inputs: [...new Set(inputs)].filter((path) => path !== join(folder, 'entry')),
  }
}

/** The same map with both copies of the user's files by one name. */
function nameSources(map: Uint8Array, folder: string): Uint8Array {
  const parsed: { sources: string[] } = JSON.parse(Buffer.from(map).toString())
  parsed.sources = parsed.sources.map((source) => {
    const path = resolve(folder, source.replace(/^sample:/, ''))
    return relative(folder, path).replaceAll(sep, '/')
  })
  return Buffer.from(JSON.stringify(parsed))
}

/** What esbuild found wrong, once for both copies of the user's files; what a YAML file is refused for stands by itself. */
function buildError(name: string, folder: string, error: unknown): JobError {
  const messages: readonly Message[] =
    error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  const refused: unknown = messages.find(({ detail }) => detail instanceof JobError)?.detail
  if (refused instanceof JobError) return refused
  const lines = messages.map(({ text, location }) => {
    const sentence = text.charAt(0).toLowerCase() + text.slice(1)
    if (!location || location.file === 'entry') return sentence
    const file = relative(folder, resolve(folder, location.file.replace(/^sample:/, '')))
    return `${file}:${location.line}:${location.column + 1}: ${sentence}`
  })
  const problems = [...new Set(lines)]
  if (problems.length > 0) return problemsError('bad-bundle', `bundle ${name}`, problems)
  return new JobError(
    'bad-bundle',
    `bundle ${name}: ${error instanceof Error ? error.message : String(error)}`,
    {},
    error,
  )
}

/** Writes a bundle and its map under the hash of the code, unless they are there. */
export async function store(folder: string, code: Uint8Array, map: Uint8Array): Promise<string> {
  const hash = createHash('sha256').update(code).digest('hex')
  const path = join(folder, `${hash}.cjs`)
  await replace(`${path}.map`, map)
  await replace(path, code)
  return hash
}

/** Writes a file so that a reader never sees a part of it. */
async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`
  await writeFile(temporary, bytes)
  await rename(temporary, path)
}
