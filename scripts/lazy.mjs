// What programs load only when they first call it: modules that cost a worker more to load than most runs have use of.
import { isBuiltin } from 'node:module'

const LAZY = /^(?:snappy|@node-rs\/crc32|node:crypto|node:zlib|assert)$/
const NAMESPACE = 'lazy'
/** A native library by the file that holds no more than its functions: what the package puts around them, streams, takes longer to load. */
const NATIVE = `import { createRequire } from 'node:module'
const native = (name) => createRequire(createRequire(import.meta.url).resolve(name))('./index.js')
`

/** Gives an import of such a module functions that load it and call its own. */
export const lazy = {
  name: 'lazy',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: LAZY }, ({ path, namespace, kind }) => {
      if (namespace === NAMESPACE) return { path, external: true }
      // Libraries use more of it than functions.
      if (path === 'node:zlib' && kind === 'require-call') return undefined
      return { path, namespace: NAMESPACE, sideEffects: false }
    })
    onLoad({ filter: LAZY, namespace: NAMESPACE }, async ({ path }) => {
      const { default: all } = await import(path)
      const names = Object.keys(all).filter((name) => typeof all[name] === 'function' && /^[a-z]/.test(name))
      const functions = names.map((name) => `export const ${name} = (...args) => load().${name}(...args)`)
      const [head, loading, own] = isBuiltin(path)
        ? ['', `require('${path}')`, '']
        : [NATIVE, `native('${path}')`, `export default { ${names.join(', ')} }`]
      return {
        contents: `${head}let loaded\nconst load = () => (loaded ??= ${loading})\n${functions.join('\n')}\n${own}`,
      }
    })
  },
}

/** Leaves out the client of HTTP/2 that undici has: it loads Node's, and is never asked for. */
export const oneHttp = {
  name: 'one-http',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]undici[\\/]lib[\\/]dispatcher[\\/]client-h2\.js$/ }, () => ({
      contents: "module.exports = () => { throw new Error('undici: expected HTTP/1.1, got h2') }",
    }))
  },
}
