import type { LoadBalancer } from '@lb/core'
import { messageOf } from '@lb/core/authoring'
import type { ServiceResponse, ServicesResponse } from './api.ts'
import { ApiError } from './http/api-error.ts'
import type { Exchange, Reply } from './http/exchange.ts'
import { checkHost } from './http/host.ts'
import { Query } from './http/query.ts'
import { errorReply, jsonReply, reply } from './http/reply.ts'
import { type Route, routeOf } from './http/route.ts'
import type { DashboardSettings } from './options.ts'
import { instanceRows, selected, sorts } from './reads/instance-rows.ts'
import { serviceSummary } from './reads/service-summary.ts'
import { Snapshots } from './reads/snapshots.ts'
import { TrafficBook } from './traffic/traffic-book.ts'

/** Responds to requests, by whatever server they come. */
export class DashboardServer {
  readonly #settings: DashboardSettings
  readonly #snapshots: Snapshots
  readonly #traffic: TrafficBook

  constructor(lb: LoadBalancer, settings: DashboardSettings) {
    this.#settings = settings
    this.#snapshots = new Snapshots(lb, settings.clock)
    this.#traffic = new TrafficBook(settings.clock)
  }

  /** Never rejects. `undefined`: what is asked for is not of the dashboard, and another handler is next. */
  async respond(exchange: Exchange): Promise<Reply | undefined> {
    try {
      const [path = '', query = ''] = exchange.target.split('?', 2)
      const route = routeOf(path)
      if (route.kind === 'none' && exchange.hasNext) return undefined
      checkHost(exchange, this.#settings.hosts)
      return await this.#serve(route, exchange, new Query(query))
    } catch (error) {
      if (error instanceof ApiError) return errorReply(error)
      return errorReply(new ApiError('INTERNAL', messageOf(error)))
    }
  }

  close(): void {
    this.#traffic.clear()
  }

  async #serve(route: Route, exchange: Exchange, query: Query): Promise<Reply> {
    checkMethod(exchange, ['GET', 'HEAD'])
    switch (route.kind) {
      case 'services':
        return jsonReply(200, this.#services(query))
      case 'service':
        return jsonReply(200, this.#service(route.service, query))
      case 'to-slash':
        return reply(307, '', { location: route.location })
      default:
        throw new ApiError('NOT_FOUND', 'There is nothing at this path')
    }
  }

  #services(query: Query): ServicesResponse {
    const all = this.#snapshots.all()
    const { offset, limit } = query.page()
    const shown = Array.from(all.values()).slice(offset, offset + limit)
    const { title, authorize } = this.#settings
    const services = shown.map((each) => serviceSummary(each, this.#traffic))
    return { title, control: authorize !== undefined, total: all.size, offset, limit, services }
  }

  #service(name: string, query: Query): ServiceResponse {
    const snapshot = this.#snapshots.service(name)
    const { offset, limit } = query.page()
    const found = selected(snapshot, { state: query.text('state'), sort: query.choice('sort', sorts) ?? 'list' })
    return {
      control: this.#settings.authorize !== undefined,
      service: serviceSummary(snapshot, this.#traffic),
      history: this.#traffic.history(name),
      total: found.length,
      offset,
      limit,
      instances: instanceRows(snapshot, found.slice(offset, offset + limit), this.#traffic),
    }
  }
}

function checkMethod({ method }: Exchange, allowed: readonly string[]): void {
  if (allowed.includes(method)) return
  throw new ApiError('METHOD_NOT_ALLOWED', `This path takes ${allowed.join(', ')}`, {
    headers: { allow: allowed.join(', ') },
  })
}
