const proxyVariable = /^(?:npm_config_)?(?:(?:https?|all)_)?proxy$/i

/** Whether the environment may name a proxy. Read once: axios reads it for each request, which takes longer than a pick. */
export function environmentNamesProxy(): boolean {
  return Object.entries(process.env).some(([name, value]) => value !== '' && proxyVariable.test(name))
}
