// For `--import`: `@lb/undici`, which declares undici as a peer, gets the one of this folder, as it gets that of an application. Otherwise it
// finds the version that it is developed with, and what differs between the versions would count as its own.
import { registerHooks } from 'node:module'

registerHooks({
  resolve: (specifier, context, next) => {
    const isPeer = /^undici(?:\/|$)/.test(specifier) && context.parentURL?.includes('/packages/undici/') === true
    return next(specifier, isPeer ? { ...context, parentURL: import.meta.url } : context)
  },
})
