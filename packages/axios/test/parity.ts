import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios, {
  type AxiosInstance,
  type AxiosRequestConfig,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
  isAxiosError,
} from 'axios'
import * as undici from 'undici'
import { describe, expect, it } from 'vitest'
import { type LoadBalancedAdapterOptions, loadBalance } from '../src/index.ts'

/** One of the two ways a request is sent: with plain axios to the server's address, or with lb to the service. */
export interface Way {
  /** What absolute URLs begin with: `http://127.0.0.1:PORT` or `http://user-service`. */
  readonly origin: string
  readonly client: AxiosInstance
  /** Whatever else both ways must have in common goes here. */
  readonly notes: unknown[]
  /** Resolves when the server has read `count` requests. */
  readonly received: (count: number) => Promise<void>
}

interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type Respond = (request: SeenRequest, response: ServerResponse, number: number) => void

export interface Scenario {
  /** What the server does; `number` counts from 1 on each way. Default: it answers with what it read. */
  readonly respond?: Respond
  readonly run: (way: Way) => Promise<AxiosResponse>
  /** What the client sends with. Default: what axios itself would use. */
  readonly adapter?: (notes: unknown[]) => NonNullable<AxiosRequestConfig['adapter']>
  /** How the server is addressed. Default: by 127.0.0.1. */
  readonly host?: string
  /** `any`: the request ends so soon that the server may not even have read it. Default: both must be the same. */
  readonly seen?: 'any'
  /** What plain axios does, at least in part: a scenario that fails for the wrong reason proves nothing. */
  readonly expected: unknown
}

interface Observed {
  readonly outcome: unknown
  readonly notes: readonly unknown[]
  readonly requests: readonly SeenRequest[]
}

/** Runs every scenario on both ways, and expects that neither the caller nor the server can tell them apart. */
export function describeParity(subject: string, scenarios: Readonly<Record<string, Scenario>>): void {
  describe(`${subject} with lb is the same as with plain axios`, () => {
    it.each(Object.entries(scenarios))('%s', async (_name, scenario) => {
      const plain = await observe(scenario)
      expect(plain).toMatchObject(scenario.expected as object)
      expect(await observe(scenario, {})).toEqual(plain)
      expect(await observe(scenario, { undici })).toEqual(plain)
    })
  })
}

async function observe(
  { respond = echo, run, adapter, seen, host = '127.0.0.1' }: Scenario,
  balanced?: LoadBalancedAdapterOptions,
): Promise<Observed> {
  const requests: SeenRequest[] = []
  const { server, port, close } = await start(requests, respond)
  await using lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': [`${host}:${port}`] }) })
  const notes: unknown[] = []
  const client = axios.create(adapter === undefined ? {} : { adapter: adapter(notes) })
  if (balanced !== undefined) loadBalance(client, lb, balanced)
  const written = track(client)
  const origin = balanced !== undefined ? 'http://user-service' : `http://${host}:${port}`
  const received = (count: number): Promise<void> =>
    expect.poll(() => requests.length, { interval: 2, timeout: 20_000 }).toBeGreaterThanOrEqual(count)
  try {
    const outcome = await run({ origin, client, notes, received }).then(
      (response) => ofResponse(response, written()),
      (error: unknown) => ofError(error, written()),
    )
    return JSON.parse(
      withoutChance(JSON.stringify({ outcome, notes, requests: seen === 'any' ? [] : requests }), host, port),
    )
  } finally {
    server.closeAllConnections()
    await close()
  }
}

/** Remembers the config that the caller's last request interceptor saw. */
function track(client: AxiosInstance): () => InternalAxiosRequestConfig | undefined {
  let seen: InternalAxiosRequestConfig | undefined
  client.interceptors.request.use((config) => {
    seen = config
    return config
  })
  return () => seen
}

function ofResponse(response: AxiosResponse, written: InternalAxiosRequestConfig | undefined): object {
  const { status, statusText, headers, data, config } = response
  return {
    status,
    statusText,
    headers: Object.assign({}, headers, { date: undefined }),
    data: Buffer.isBuffer(data) ? { base64: data.toString('base64') } : data,
    config: ofConfig(config, written),
  }
}

function ofError(error: unknown, written: InternalAxiosRequestConfig | undefined): object {
  if (!isAxiosError(error)) {
    const { name, message } = error as Error
    return { plain: true, name, message }
  }
  const { name, message, code, status, config, response, cause } = error
  return {
    name,
    message,
    code,
    status,
    canceled: axios.isCancel(error),
    cause: cause === undefined ? undefined : { name: cause.name, message: cause.message },
    config: config === undefined ? undefined : ofConfig(config, written),
    response: response === undefined ? undefined : ofResponse(response, written),
  }
}

function ofConfig(config: InternalAxiosRequestConfig, written: InternalAxiosRequestConfig | undefined): object {
  const { url, baseURL, params, timeout, method, maxRedirects, beforeRedirect } = config
  return {
    url,
    baseURL,
    params,
    timeout,
    method,
    maxRedirects,
    hasBeforeRedirect: beforeRedirect !== undefined,
    asWritten: config.url === written?.url && config.baseURL === written?.baseURL,
  }
}

/** Ports and the boundaries of multipart bodies are drawn anew each time. */
function withoutChance(text: string, host: string, port: number): string {
  return text
    .replaceAll(`${host}:${port}`, 'SERVICE')
    .replaceAll('user-service', 'SERVICE')
    .replaceAll(/axios-[\d.]+-boundary-[\w-]{25}|-{26}[\da-f]{24}/g, 'BOUNDARY')
}

function echo({ method, url, body }: SeenRequest, response: ServerResponse): void {
  json(response, { method, url, body })
}

/** Answers with `value` as JSON. */
export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

async function start(
  requests: SeenRequest[],
  respond: Respond,
): Promise<{ server: Server; port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((incoming, response) => {
    response.on('error', () => {})
    read(incoming).then(
      (request) => {
        requests.push(request)
        respond(request, response, requests.length)
      },
      () => response.destroy(),
    )
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { server, port: (server.address() as AddressInfo).port, close }
}

async function read(incoming: IncomingMessage): Promise<SeenRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const { method = '', url = '', headers } = incoming
  return { method, url, headers, body: Buffer.concat(chunks).toString() }
}
