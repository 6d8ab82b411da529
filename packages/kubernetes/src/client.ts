import type { RegistryAnswer, RegistryClient, RegistryError, RegistryRequest, RegistryStream } from '@lb/registry-http'
import { type ApiStatus, apiStatusOf, isVersionUnusable } from './api-status.ts'
import type { TokenSource } from './bearer-token.ts'
import { VersionUnusableError } from './errors.ts'
import type { ServiceReference } from './service-name.ts'
import { parseSliceList, type SliceList } from './watch-event.ts'

export interface ListRequest {
  /** Empty: the newest there is; `0`: what the server has at hand; else that version or a newer one. */
  readonly resourceVersion: string
  readonly signal: AbortSignal | undefined
  /** Only a watch waits for it: the process may end meanwhile. */
  readonly background: boolean
}

export interface WatchRequest {
  readonly resourceVersion: string
  /** When the server is to end the watch. */
  readonly timeoutSeconds: number
  readonly idleTimeoutMs: number
  readonly signal: AbortSignal
}

/** What is asked of the API server: the EndpointSlices of one Service, once or as they change. */
export class EndpointSliceClient {
  readonly #client: RegistryClient
  readonly #token: TokenSource

  constructor(client: RegistryClient, token: TokenSource) {
    this.#client = client
    this.#token = token
  }

  /** @throws VersionUnusableError, RegistryError, or DiscoveryError for an answer that makes no sense */
  async list(service: ServiceReference, { resourceVersion, signal, background }: ListRequest): Promise<SliceList> {
    const request = { ...requestFor(service, { resourceVersion: resourceVersion || undefined }, signal), background }
    const answer = await this.#authorized((headers) => this.#client.request({ ...request, headers }))
    if (answer.status !== 200) throw this.#error(answer, request.path, apiStatusOf(answer.text))
    return parseSliceList(answer.json())
  }

  /** Each line of the stream is an event. @throws VersionUnusableError, RegistryError */
  async watch(service: ServiceReference, watch: WatchRequest): Promise<RegistryStream> {
    const { resourceVersion, timeoutSeconds, idleTimeoutMs, signal } = watch
    const query = { watch: '1', resourceVersion, allowWatchBookmarks: 'true', timeoutSeconds }
    const request = { ...requestFor(service, query, signal), background: true }
    const stream = await this.#authorized((headers) => this.#client.stream({ ...request, headers, idleTimeoutMs }))
    if (stream.status !== 200) throw this.#error(stream, request.path, apiStatusOf(await stream.text()))
    return stream
  }

  /** The error for what a watch received instead of a change. */
  watchError(
    service: ServiceReference,
    stream: RegistryStream,
    status: ApiStatus,
  ): RegistryError | VersionUnusableError {
    return this.#error({ ...answerOf(stream), status: status.code }, pathOf(service), status)
  }

  /** Asks once more when the token was refused and there is a newer one. */
  async #authorized<Answer extends RegistryAnswer | RegistryStream>(
    ask: (headers: Readonly<Record<string, string>>) => Promise<Answer>,
  ): Promise<Answer> {
    const token = await this.#token.current()
    const answer = await ask(headersWith(token))
    if (answer.status !== 401) return answer
    const newer = await this.#token.insteadOf(token)
    if (newer === undefined) return answer
    if (typeof answer.text === 'function') await answer.text()
    return ask(headersWith(newer))
  }

  #error(
    answer: Pick<RegistryAnswer, 'status' | 'server' | 'headers'>,
    path: string,
    status: ApiStatus,
  ): RegistryError | VersionUnusableError {
    const said = status.message || status.reason
    if (answer.status === 410 || isVersionUnusable(status)) return new VersionUnusableError(said)
    const remedy = remedies[answer.status]
    const reason = [said, remedy].filter((part) => part !== undefined && part !== '').join('. ')
    return this.#client.error(answer, path, reason === '' ? undefined : reason)
  }
}

const remedies: Readonly<Record<number, string>> = Object.freeze({
  401: 'The token is not accepted: look at the options token, tokenFile and kubeconfig',
  403: 'Grant the verbs "list" and "watch" for endpointslices of the API group discovery.k8s.io',
  404: 'It must have discovery.k8s.io/v1, as it has since Kubernetes 1.21',
})

function requestFor(
  service: ServiceReference,
  query: Readonly<Record<string, string | number | undefined>>,
  signal: AbortSignal | undefined,
): RegistryRequest {
  return {
    method: 'GET',
    path: pathOf(service),
    query: { labelSelector: `kubernetes.io/service-name=${service.name}`, ...query },
    ...(signal === undefined ? undefined : { signal }),
  }
}

function pathOf({ namespace }: ServiceReference): string {
  return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
}

function headersWith(token: string | undefined): Readonly<Record<string, string>> {
  return { accept: 'application/json', ...(token === undefined ? undefined : { authorization: `Bearer ${token}` }) }
}

function answerOf({ status, server, headers }: RegistryStream): Pick<RegistryAnswer, 'status' | 'server' | 'headers'> {
  return { status, server, headers }
}
