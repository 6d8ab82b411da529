import type { FakeNacosReply } from './fake-nacos-api.ts'
import type { FakeNacosVersion } from './fake-nacos-options.ts'

export interface FakeNacosPath {
  readonly method: string
  readonly path: string
}

/** What a server of that version answers to a path of an API that it does not have, or `undefined` when it has it. */
export function refusal(
  version: FakeNacosVersion,
  { path }: FakeNacosPath,
  clientCompatibility: boolean,
): FakeNacosReply | undefined {
  const api = /^\/(v[123])\//.exec(path)?.[1]
  const isLogin = path.includes('/auth/')
  if (version === '1.4') return api === 'v1' ? undefined : notFound(path)
  if (version === '2.5') return api === 'v3' ? notFound(path) : undefined
  if (api === 'v3') return undefined
  if (version === '3.2') return notFound(path)
  // 3.0: version 2 is for administrators, and switched off; so is version 1 where compatibility with clients is.
  if (api === 'v1' && (clientCompatibility || isLogin)) return undefined
  return gone(path)
}

/** As Spring answers. */
export function notFound(path: string): FakeNacosReply {
  return { status: 404, body: { timestamp: '2026-01-01T00:00:00.000+00:00', status: 404, error: 'Not Found', path } }
}

/** `sendError`: the page of the container, with the JSON somewhere in it. */
function gone(path: string): FakeNacosReply {
  const message =
    `Current API will be deprecated, please use API(s) \`/v3/client/ns/instance\` instead, or set ` +
    `\`nacos.core.api.compatibility.admin.enabled=true\` (${path})`
  const json = JSON.stringify({ code: 40_000, message, data: null }).replaceAll('"', '&quot;')
  const page = `<!doctype html><html lang="en"><head><title>HTTP Status 410 – Gone</title></head><body><h1>HTTP Status 410 – Gone</h1><p><b>Message</b> ${json}</p></body></html>`
  return { status: 410, body: page }
}
