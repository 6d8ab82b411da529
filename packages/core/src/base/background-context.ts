type RunIn = <T>(action: () => T) => T

interface AsyncHooks {
  readonly AsyncLocalStorage?: { readonly snapshot?: () => RunIn }
}

/**
 * Runs `action` outside of the `AsyncLocalStorage` stores of whatever call happens to be at work, as what outlives the call must: a
 * poll that a request started would otherwise hold the store of that request, and its trace, for as long as the service is watched.
 *
 * The context is the one in which this package was loaded. Where the platform has no `AsyncLocalStorage`, or not the means to leave
 * one without an import (Node before 20.16 and 22.3), `action` runs where it is.
 */
export const runInBackground: RunIn = contextOfLoading() ?? ((action) => action())

function contextOfLoading(): RunIn | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => AsyncHooks | undefined } }
  try {
    // Looked up, not imported: this package runs where there is no such module.
    return process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage?.snapshot?.()
  } catch {
    return undefined
  }
}
