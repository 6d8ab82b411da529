import { credentials, Client as GrpcClient } from '@grpc/grpc-js'
import type { LoadBalancer } from '@lb/core'
import { registerLoadBalancer } from '@lb/grpc'
import type { Client } from './client.ts'
import { grpcMethods } from './grpc-methods.ts'

const bytes = (value: Buffer): Buffer => value
const empty = Buffer.alloc(0)
let clients = 0

/** grpc-js. */
export function grpcClient(lb: LoadBalancer, timeoutMs: number): Client {
  // Experiments run beside each other.
  const scheme = `lb${clients++}`
  registerLoadBalancer(lb, { scheme, idempotent: [grpcMethods.GET] })
  const client = new GrpcClient(`${scheme}:user-service`, credentials.createInsecure())
  return {
    send: (method) =>
      new Promise((resolve, reject) => {
        const options = timeoutMs === 0 ? {} : { deadline: Date.now() + timeoutMs }
        client.makeUnaryRequest(grpcMethods[method], bytes, bytes, empty, options, (error, response) => {
          if (error === null) resolve(response?.toString())
          else reject(Object.assign(new Error(error.details), { code: `status ${error.code}` }))
        })
      }),
    close: () => client.close(),
  }
}
