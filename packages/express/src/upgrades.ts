import { rejectOption } from '@lb/core/authoring'
import { checkServer } from './check-server.ts'
import type { ProxyHandler } from './proxy.ts'
import { routesOf, type UpgradeListener, upgradeListener } from './upgrade-offer.ts'

/** A server that emits `upgrade`: of `node:http` or `node:https`, or of `node:http2` with `allowHTTP1`. */
export interface UpgradingServer {
  /** Adds a listener. */
  on(event: 'upgrade', listener: UpgradeListener): unknown
}

/**
 * Passes WebSockets, and what else a proxy's `upgrades` names, on to the first of `proxies` whose `prefix` the path has.
 *
 *     upgrades(server, [users, orders])
 *
 * - At the path of none the answer is 404, and the connection ends. Where the server has other `upgrade` listeners, such as that of
 *   `ws`, they have 5 seconds to take it.
 * - A protocol that is not passed on is ignored: the request is served as if it had not asked (RFC 9110 section 7.8).
 * - Behind pipelined requests it waits for their responses.
 *
 * @throws InvalidOptionError
 */
export function upgrades(server: UpgradingServer, proxies: readonly ProxyHandler[]): void {
  checkServer('upgrades.server', server)
  if (!Array.isArray(proxies) || proxies.length === 0) {
    rejectOption('upgrades.proxies', 'an array of what proxy() returns', proxies)
  }
  const routes = proxies.flatMap(
    (each, index) =>
      routesOf(each?.upgrade) ?? rejectOption(`upgrades.proxies[${index}]`, 'what proxy() returns', each),
  )
  server.on('upgrade', upgradeListener(routes))
}
