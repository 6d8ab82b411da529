// For `node --import`: packages of this repository are their sources, as they are for vitest, so that no test passes on a stale build.
import { registerHooks } from 'node:module'

registerHooks({
  resolve: (specifier, context, nextResolve) => {
    const name = /^@lb\/([a-z-]+)$/.exec(specifier)?.[1]
    if (name === undefined) return nextResolve(specifier, context)
    return nextResolve(new URL(`../../${name}/src/index.ts`, import.meta.url).href, context)
  },
})
