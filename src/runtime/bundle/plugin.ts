import { readFile } from 'node:fs/promises'
import { dirname, extname, join, resolve, sep } from 'node:path'
import type { Loader, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild'
import { installation } from './installation.ts'
import { PROVIDED } from './provided.ts'
import { yamlModule } from './yaml-job.ts'

/** Namespace of the second copy of the user's files; see `mapperFactory`. */
const SAMPLE = 'sample'

const LOADERS: { readonly [extension: string]: Loader } = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
}

/** Marks a resolution that this plugin asks for itself. */
const ASKED = { asked: true }

/**
 * Resolves what a job file imports: `flowreduce` and `zod` are left to the program that loads the bundle, other parts of zod are those of this installation, wherever the file lies; YAML files are jobs;
 * and what is imported in the namespace `sample` is a second copy of the user's own files, packages apart. `config` is the configuration file
 * whose aggregates jobs in YAML may name.
 */
export function jobPlugin(config: string | undefined): Plugin {
  return {
    name: 'flowreduce',
    setup(build) {
      const { root } = installation()
      build.onResolve({ filter: /.*/, namespace: PROVIDED_NAMESPACE }, ({ path }) => ({ path, external: true }))
      build.onLoad({ filter: /.*/, namespace: PROVIDED_NAMESPACE }, ({ path }) => ({ contents: providedModule(path) }))
      build.onResolve({ filter: /^flowreduce(?:\/.*)?$/ }, ({ path }) =>
        PROVIDED.has(path)
          ? provided(path)
          : { errors: [{ text: `expected an import of 'flowreduce' in a job, got '${path}'` }] },
      )
      // The built-in jobs name the file of the vocabulary.
      build.onResolve({ filter: /\/index\.ts$/ }, ({ path, resolveDir }) =>
        resolve(resolveDir, path) === join(root, 'src', 'index.ts') ? provided('flowreduce') : undefined,
      )
      build.onResolve({ filter: /^zod(?:\/.*)?$/ }, (args) => {
        if (PROVIDED.has(args.path)) return provided(args.path)
        return args.pluginData === ASKED ? undefined : ask(build, args, root)
      })
      build.onResolve({ filter: /^sample:/ }, ({ path }) => ({
        path: path.slice(SAMPLE.length + 1),
        namespace: SAMPLE,
      }))
      build.onResolve({ filter: /.*/, namespace: SAMPLE }, (args) =>
        args.pluginData === ASKED ? undefined : resolveSample(build, args),
      )
      // Half of zod is messages in forty languages, which would be parsed by every worker.
      build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, ({ path }) => ({
        contents: "export { default as en } from './en.js'",
        resolveDir: dirname(path),
      }))
      build.onLoad({ filter: /\.ya?ml$/ }, async ({ path }) => {
        const text = await readFile(path, 'utf8')
        return {
          contents: yamlModule(text, { path, config: config === path ? undefined : config }),
          loader: 'js',
          resolveDir: dirname(path),
        }
      })
      build.onLoad({ filter: /.*/, namespace: SAMPLE }, async ({ path }) => {
        const loader = LOADERS[extname(path)] ?? 'default'
        return { contents: await readFile(path), loader, resolveDir: dirname(path), watchFiles: [path] }
      })
    },
  }
}

/** Namespace of what the program provides. */
const PROVIDED_NAMESPACE = 'provided'

const provided = (path: string): OnResolveResult => ({ path, namespace: PROVIDED_NAMESPACE, sideEffects: false })

/** A module of what the program provides under a name. It takes what the job uses alone: copies of all the names of zod, and functions that look them up, take longer than a job to load. */
function providedModule(path: string): string {
  const names = Object.keys(PROVIDED.get(path) ?? {}).filter((name) => name !== 'default')
  return [
    `const all = require(${JSON.stringify(path)})`,
    'const take = (name) => all[name]',
    'export default all',
    ...names.map((name) => `const $${name} = /* @__PURE__ */ take(${JSON.stringify(name)})`),
    `export { ${names.map((name) => `$${name} as ${name}`).join(', ')} }`,
  ].join('\n')
}

/** What esbuild itself would resolve a path to, from a folder. */
async function ask(build: PluginBuild, args: OnResolveArgs, resolveDir: string): Promise<OnResolveResult> {
  const { kind, path } = args
  const { errors, warnings, ...found } = await build.resolve(path, { kind, resolveDir, pluginData: ASKED })
  return errors.length > 0 ? { errors, warnings } : { ...found, pluginData: undefined }
}

async function resolveSample(build: PluginBuild, args: OnResolveArgs): Promise<OnResolveResult> {
  const found = await ask(build, args, args.resolveDir)
  const own =
    found.path !== undefined && extname(found.path) in LOADERS && !found.path.includes(`${sep}node_modules${sep}`)
  return own && !found.external && found.namespace === 'file' ? { path: found.path!, namespace: SAMPLE } : found
}
