// #region recipe
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { lb, twelveCalls } from './service.ts'

const mayBeRepeated = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

/** Sends requests of an AWS client to an instance of the service that its endpoint names. The signed `Host` stays. */
class LoadBalancedHandler extends NodeHttpHandler {
  override handle(...[request, options]: Parameters<NodeHttpHandler['handle']>): ReturnType<NodeHttpHandler['handle']> {
    const { method, body, hostname } = request
    return lb.execute(
      hostname,
      ({ host, port }, { signal }) =>
        super.handle(Object.assign(request, { hostname: host, port }), { ...options, abortSignal: signal }),
      {
        idempotent: mayBeRepeated.has(method) && (body === undefined || typeof body === 'string'),
        classify: (result) =>
          result.ok && result.value.response.statusCode >= 500 ? { ok: false, retry: 'idempotent' } : undefined,
      },
    )
  }
}

const files = new S3Client({
  endpoint: 'http://user-service', // such as a service of MinIO or Ceph
  forcePathStyle: true,
  region: 'us-east-1',
  credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
  maxAttempts: 1,
  requestHandler: new LoadBalancedHandler(),
})

const read = () => files.send(new GetObjectCommand({ Bucket: 'profiles', Key: 'ada.json' }))
// #endregion recipe
await twelveCalls(async () => (await read()).Body?.transformToString())
files.destroy()
