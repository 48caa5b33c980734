// What programs load only when they first call it: modules that cost a worker more to load than most runs have use of.
import { isBuiltin } from 'node:module'

const LAZY = /^(?:snappy|node:crypto)$/
const NAMESPACE = 'lazy'

/** Gives an import of such a module functions that load it and call its own. */
export const lazy = {
  name: 'lazy',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: LAZY }, ({ path, namespace }) =>
      namespace === NAMESPACE ? { path, external: true } : { path, namespace: NAMESPACE, sideEffects: false },
    )
    onLoad({ filter: LAZY, namespace: NAMESPACE }, async ({ path }) => {
      const { default: all } = await import(path)
      const names = Object.keys(all).filter((name) => typeof all[name] === 'function' && /^[a-z]/.test(name))
      const functions = names.map((name) => `export const ${name} = (...args) => load().${name}(...args)`)
      const own = isBuiltin(path) ? '' : `export default { ${names.join(', ')} }`
      return {
        contents: `let loaded\nconst load = () => (loaded ??= require('${path}'))\n${functions.join('\n')}\n${own}`,
      }
    })
  },
}
