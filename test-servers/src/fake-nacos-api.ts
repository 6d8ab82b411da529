import type { FakeNacosAuth } from './fake-nacos-auth.ts'
import type { FakeNacosVersion } from './fake-nacos-options.ts'
import type { FakeNacosPush } from './fake-nacos-push.ts'
import type { FakeNacosInstance, FakeNacosRegistry, FakeNacosService } from './fake-nacos-registry.ts'

export interface FakeNacosCall {
  readonly method: string
  /** After the context path. */
  readonly path: string
  /** Of query and form together. */
  readonly parameters: URLSearchParams
  readonly userAgent: string
}

export interface FakeNacosReply {
  readonly status: number
  readonly body: string | object
}

interface Parts {
  readonly registry: FakeNacosRegistry
  readonly auth: FakeNacosAuth
  readonly push: FakeNacosPush
  readonly cacheMillis: number
  readonly beatIntervalMs: number
  /** May change. */
  readonly version: () => FakeNacosVersion
}

/** Agents of these names are pushed to. */
const pushedAgents = ['Nacos-Java-Client', 'Nacos-Go-Client', 'Nacos-C-Client', 'Nacos-CSharp-Client', 'Nacos-DNS']

/** What the naming controllers of Nacos answer, version by version of the API. */
export class FakeNacosApi {
  readonly #parts: Parts
  readonly #routes: ReadonlyMap<string, (call: FakeNacosCall) => FakeNacosReply>

  constructor(parts: Parts) {
    this.#parts = parts
    const [v1, v2, v3] = ['/v1/ns/instance', '/v2/ns/instance', '/v3/client/ns/instance']
    this.#routes = new Map<string, (call: FakeNacosCall) => FakeNacosReply>([
      [`GET ${v1}/list`, (call) => ok(this.#serviceInfo(call, clustersOf(call, 'clusters')))],
      [`POST ${v1}`, (call) => this.#register(call) ?? ok('ok')],
      [`DELETE ${v1}`, (call) => this.#deregister(call) ?? ok('ok')],
      [`PUT ${v1}/beat`, (call) => this.#beat(call)],
      ['GET /v1/ns/operator/metrics', () => ok({ status: 'UP' })],
      [`GET ${v2}/list`, (call) => success(this.#serviceInfo(call, clustersOf(call, 'clusterName')))],
      [`POST ${v2}`, (call) => this.#register(call) ?? success('ok')],
      [`DELETE ${v2}`, (call) => this.#deregister(call) ?? success('ok')],
      [`GET ${v3}/list`, (call) => this.#flatList(call)],
      [`POST ${v3}`, (call) => this.#registerOrRenew(call)],
      [`DELETE ${v3}`, (call) => this.#deregister(call) ?? success('ok')],
    ])
  }

  /** `undefined`: there is no such path. */
  answer(call: FakeNacosCall): FakeNacosReply | undefined {
    return this.#routes.get(`${call.method} ${call.path}`)?.(call)
  }

  logIn({ parameters }: FakeNacosCall): FakeNacosReply {
    const session = this.#parts.auth.logIn(parameters.get('username'), parameters.get('password'))
    return session === undefined ? { status: 403, body: 'unknown user!' } : ok(session)
  }

  #serviceInfo(call: FakeNacosCall, clusters: readonly string[]): object {
    const { registry, push, cacheMillis } = this.#parts
    const service = serviceOf(call)
    const healthyOnly = call.parameters.get('healthyOnly') === 'true'
    const info = (): object => {
      const { hosts, reachProtectionThreshold } = registry.select(service, clusters, healthyOnly)
      return {
        name: service.name,
        groupName: service.name.split('@@')[0],
        clusters: clusters.join(','),
        cacheMillis,
        hosts,
        lastRefTime: Math.floor(performance.timeOrigin + performance.now()),
        checksum: '',
        allIPs: false,
        reachProtectionThreshold,
        valid: true,
      }
    }
    const port = Number(call.parameters.get('udpPort') ?? 0)
    if (port > 0 && pushedAgents.some((agent) => call.userAgent.startsWith(agent))) {
      // As any server that all its clients reach on loopback.
      push.subscribe(pushKey(service), { host: '127.0.0.1', port }, () => JSON.stringify(info()))
    }
    return info()
  }

  #flatList(call: FakeNacosCall): FakeNacosReply {
    const { registry, version } = this.#parts
    const named = clustersOf(call, 'clusterName')
    // `InstanceListForm.fillDefaultValue` of 3.0: without a name it is not all of them.
    const clusters = version() === '3.0' && named.length === 0 ? ['DEFAULT'] : named
    const problem = missing(call, ['serviceName'])
    if (problem !== undefined) return problem
    const hosts = registry.select(serviceOf(call), clusters, false).hosts
    return success(hosts.map((host) => ({ ...host, instanceId: undefined })))
  }

  #registerOrRenew(call: FakeNacosCall): FakeNacosReply {
    if (call.parameters.get('heartBeat') !== 'true') return this.#register(call) ?? success('ok')
    const { registry } = this.#parts
    if (registry.beat(serviceOf(call), placeOf(call))) return success('ok')
    return ok({ code: 21003, message: 'instance not found', data: null })
  }

  /** What is wrong, or `undefined` when it was done. */
  #register(call: FakeNacosCall): FakeNacosReply | undefined {
    const problem = missing(call, ['serviceName', 'ip', 'port'])
    if (problem !== undefined) return problem
    const { parameters } = call
    const weight = Number(parameters.get('weight') ?? 1)
    if (!(weight >= 0 && weight <= 10_000))
      return { status: 400, body: { code: 21001, message: 'instance weight error', data: null } }
    const instance: FakeNacosInstance = {
      ...placeOf(call),
      weight,
      healthy: parameters.get('healthy') !== 'false',
      enabled: (parameters.get('enabled') ?? parameters.get('enable')) !== 'false',
      ephemeral: parameters.get('ephemeral') !== 'false',
      metadata: JSON.parse(parameters.get('metadata') || '{}') as Record<string, string>,
    }
    this.#parts.registry.register(serviceOf(call), instance)
    return undefined
  }

  #deregister(call: FakeNacosCall): FakeNacosReply | undefined {
    const problem = missing(call, ['serviceName', 'ip', 'port'])
    if (problem === undefined) this.#parts.registry.deregister(serviceOf(call), placeOf(call))
    return problem
  }

  /** A light beat names the instance in parameters; a full one describes it, so that a server that does not know it can register it. */
  #beat(call: FakeNacosCall): FakeNacosReply {
    const { registry, beatIntervalMs } = this.#parts
    const service = serviceOf(call)
    const text = call.parameters.get('beat')
    const alive = { clientBeatInterval: beatIntervalMs, code: 10_200, lightBeatEnabled: true }
    if (text === null) {
      if (registry.beat(service, placeOf(call))) return ok(alive)
      return ok({ clientBeatInterval: beatIntervalMs, code: 20_404, lightBeatEnabled: true })
    }
    const { ip, port, cluster, weight, metadata } = JSON.parse(text) as FakeNacosInstance & { cluster?: string }
    const instance = { ip, port, clusterName: cluster || 'DEFAULT', weight, metadata }
    if (!registry.beat(service, instance)) {
      registry.register(service, { ...instance, healthy: true, enabled: true, ephemeral: true })
    }
    return ok(alive)
  }
}

export function pushKey({ namespace, name }: FakeNacosService): string {
  return `${namespace} ${name}`
}

/** `ServiceNameFilter`: the group comes in the name, or beside it. */
function serviceOf({ parameters }: FakeNacosCall): FakeNacosService {
  const name = parameters.get('serviceName') ?? ''
  const group = parameters.get('groupName') || 'DEFAULT_GROUP'
  return {
    namespace: parameters.get('namespaceId') || 'public',
    name: name.includes('@@') ? name : `${group}@@${name}`,
  }
}

function placeOf({ parameters }: FakeNacosCall): { ip: string; port: number; clusterName: string } {
  return {
    ip: parameters.get('ip') ?? '',
    port: Number(parameters.get('port')),
    clusterName: parameters.get('clusterName') || 'DEFAULT',
  }
}

function clustersOf({ parameters }: FakeNacosCall, name: string): string[] {
  return (parameters.get(name) ?? '').split(',').filter((cluster) => cluster !== '')
}

function missing({ parameters }: FakeNacosCall, names: readonly string[]): FakeNacosReply | undefined {
  const name = names.find((each) => (parameters.get(each) ?? '') === '')
  if (name === undefined) return undefined
  return {
    status: 400,
    body: { code: 10_000, message: `Required parameter '${name}' type String is not present`, data: null },
  }
}

function ok(body: string | object): FakeNacosReply {
  return { status: 200, body }
}

function success(data: unknown): FakeNacosReply {
  return ok({ code: 0, message: 'success', data })
}
