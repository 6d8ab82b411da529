import type { LoadBalancer, LoadBalancerEvent } from '@lb/core'
import { messageOf } from '@lb/core/authoring'
import type { CallsResponse, ControlResponse, ControlVerb, ServiceResponse, ServicesResponse } from './api.ts'
import { CallLog } from './calls/call-log.ts'
import { CallRecorder } from './calls/call-recorder.ts'
import { apply } from './control/apply.ts'
import { Authority } from './control/authority.ts'
import { actionOf } from './control/control-body.ts'
import { levelsFromLeast } from './events/event-frequency.ts'
import { EventLog } from './events/event-log.ts'
import type { EventStream } from './events/event-stream.ts'
import { ApiError } from './http/api-error.ts'
import { checkSameSite } from './http/cross-site.ts'
import type { Exchange, Reply } from './http/exchange.ts'
import { checkHost } from './http/host.ts'
import { assetReply, pageReply } from './http/page-reply.ts'
import { Query } from './http/query.ts'
import { errorReply, jsonReply, reply } from './http/reply.ts'
import { type Route, requestedRoute } from './http/route.ts'
import type { DashboardSettings } from './options.ts'
import { instanceRows, selected, sorts } from './reads/instance-rows.ts'
import { serviceSummary } from './reads/service-summary.ts'
import { Snapshots } from './reads/snapshots.ts'
import { TrafficBook } from './traffic/traffic-book.ts'

/** Responds to requests, by whatever server they come, and collects what they ask for. */
export class DashboardServer {
  readonly #lb: LoadBalancer
  readonly #settings: DashboardSettings
  readonly #snapshots: Snapshots
  readonly #traffic: TrafficBook
  readonly #calls: CallLog
  readonly #events: EventLog
  readonly #authority: Authority
  readonly #stopObserving: () => void
  #isClosed = false

  constructor(lb: LoadBalancer, settings: DashboardSettings) {
    const { clock, maxStreams, authorize } = settings
    this.#lb = lb
    this.#settings = settings
    this.#snapshots = new Snapshots(lb, clock)
    this.#traffic = new TrafficBook(clock)
    this.#calls = new CallLog(clock)
    this.#authority = new Authority(lb, authorize, clock)
    this.#events = new EventLog({ lb, clock, maxStreams, onEvent: (event) => this.#follow(event) })
    const isKnown = (service: string): boolean => this.#snapshots.all().has(service)
    this.#stopObserving = lb.observe(new CallRecorder({ traffic: this.#traffic, calls: this.#calls, isKnown }))
  }

  /** Never rejects. `undefined`: what is asked for is not the dashboard's, and another handler is next. */
  async respond(exchange: Exchange): Promise<Reply | undefined> {
    try {
      const route = requestedRoute(exchange)
      if (route.kind === 'none' && exchange.hasNext) return undefined
      checkHost(exchange, this.#settings.hosts)
      return await this.#serve(route, exchange)
    } catch (error) {
      if (error instanceof ApiError) return errorReply(error)
      return errorReply(new ApiError('INTERNAL', messageOf(error)))
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stopObserving()
    this.#events.close()
    this.#traffic.clear()
    this.#calls.clear()
  }

  #serve(route: Route, exchange: Exchange): Reply | Promise<Reply> {
    if (route.kind === 'control') {
      checkMethod(exchange, ['POST'])
      return this.#control(route.service, route.verb, exchange)
    }
    checkMethod(exchange, ['GET', 'HEAD'])
    switch (route.kind) {
      case 'page':
        return pageReply()
      case 'to-slash':
        return reply(307, '', { location: route.location })
      case 'asset':
        return assetReply(route.name, exchange)
      case 'none':
        throw new ApiError('NOT_FOUND', 'There is nothing at this path')
    }
    if (this.#isClosed) throw new ApiError('CLOSED', 'The load balancer, or its dashboard, was closed')
    const query = new Query(exchange.target.split('?')[1] ?? '')
    switch (route.kind) {
      case 'services':
        return jsonReply(200, this.#servicesResponse(query))
      case 'service':
        return jsonReply(200, this.#serviceResponse(route.service, query))
      case 'calls':
        return jsonReply(200, this.#callsResponse(query))
      case 'call':
        return jsonReply(200, this.#calls.story(route.call))
      case 'events':
        return this.#eventsReply(query, exchange)
    }
  }

  #servicesResponse(query: Query): ServicesResponse {
    const all = this.#snapshots.all()
    const { offset, limit } = query.page()
    const shown = Array.from(all.values()).slice(offset, offset + limit)
    const { title, authorize } = this.#settings
    const services = shown.map((each) => serviceSummary(each, this.#traffic))
    return { title, control: authorize !== undefined, total: all.size, offset, limit, services }
  }

  #serviceResponse(name: string, query: Query): ServiceResponse {
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

  #callsResponse(query: Query): CallsResponse {
    const limit = query.integer('limit', { min: 1, max: 200, otherwise: 50 })
    return { calls: this.#calls.list(query.text('service'), limit) }
  }

  #eventsReply(query: Query, { header, method }: Exchange): Reply {
    const least = query.choice('level', levelsFromLeast) ?? 'info'
    const levels = new Set(levelsFromLeast.slice(levelsFromLeast.indexOf(least)))
    const types = new Set(query.list('type'))
    const service = query.text('service')
    const lastId = Number(/^\d{1,15}$/.exec(header('last-event-id') ?? '')?.[0] ?? 0)
    const open = (): EventStream =>
      this.#events.open(
        (entry) =>
          levels.has(entry.level) &&
          (types.size === 0 || types.has(entry.type)) &&
          (service === undefined || entry.service === service),
        levels.has('debug'),
        lastId,
      )
    return reply(200, method === 'HEAD' ? '' : open(), {
      'content-type': 'text/event-stream; charset=utf-8',
      // Neither a proxy nor a middleware that compresses is to wait for more.
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
  }

  async #control(service: string, verb: ControlVerb, exchange: Exchange): Promise<Reply> {
    checkSameSite(exchange, this.#settings.hosts)
    if (this.#isClosed) throw new ApiError('CLOSED', 'The load balancer, or its dashboard, was closed')
    const action = actionOf(verb, service, await exchange.body())
    const { by } = await this.#authority.check(exchange, action)
    this.#snapshots.expire()
    // For a name that is not known: 404 with those that are.
    this.#snapshots.service(service)
    apply(this.#lb, action, by)
    this.#snapshots.expire()
    const snapshot = this.#snapshots.service(service)
    const own = snapshot.instances.filter(({ instance }) => instance.id === action.instance)
    const [instance] = instanceRows(snapshot, own, this.#traffic)
    const response: ControlResponse = {
      service: serviceSummary(snapshot, this.#traffic),
      ...(instance === undefined ? undefined : { instance }),
    }
    return jsonReply(200, response)
  }

  /** What is gone from the load balancer goes from what was collected. */
  #follow(event: LoadBalancerEvent): void {
    if (event.type === 'service-released') this.#traffic.forgetService(event.service)
    else if (event.type === 'instance-drained') this.#traffic.forgetInstance(event.service, event.instance.id)
    else if (event.type === 'instances-changed') {
      for (const { id } of event.removed) this.#traffic.forgetInstance(event.service, id)
    } else if (event.type === 'closed') this.close()
  }
}

function checkMethod({ method }: Exchange, allowed: readonly string[]): void {
  if (allowed.includes(method)) return
  throw new ApiError('METHOD_NOT_ALLOWED', `This path takes ${allowed.join(', ')}`, {
    headers: { allow: allowed.join(', ') },
  })
}
