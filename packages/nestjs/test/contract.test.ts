import type { Criticality, LoadBalancer } from '@lb/core'
import { FakeDiscovery } from '@lb/testing'
import { describeHttpClient, type HttpClientOptions } from '@lb/testing/suites'
import type { AxiosInstance } from 'axios'
import { getLoadBalancerToken, getServiceClientToken, LoadBalancerModule } from '../src/index.ts'
import { application } from './application.ts'

/** The client that an application injects, on the load balancer of the suite. */
async function injectedClient(lb: LoadBalancer, options: HttpClientOptions): Promise<AxiosInstance> {
  const feature = LoadBalancerModule.forFeature({
    service: 'user-service',
    match: ({ headers }) => ({ version: headers.get('x-version')?.toString() }),
    criticality: ({ headers }) => headers.get('x-class') as Criticality,
    ...options,
    axios: { validateStatus: () => true, responseType: 'text' },
  })
  const app = await application(
    { imports: [LoadBalancerModule.forRoot({ discovery: new FakeDiscovery() }), feature] },
    { override: (builder) => builder.overrideProvider(getLoadBalancerToken()).useValue(lb) },
  )
  return app.get(getServiceClientToken('user-service'))
}

describeHttpClient(
  'the client of forFeature',
  {
    create: (lb, options = {}) => {
      let client: Promise<AxiosInstance> | undefined
      return async ({ url, body, timeoutMs = 0, signal, ...request }) => {
        client ??= injectedClient(lb, options)
        const response = await (await client).request({
          ...request,
          url: url.replace('http://user-service', ''),
          timeout: timeoutMs,
          ...(body === undefined ? undefined : { data: body }),
          ...(signal === undefined ? undefined : { signal }),
        })
        return { status: response.status, body: response.data }
      }
    },
  },
  { match: true, criticality: true, redirects: true },
)
