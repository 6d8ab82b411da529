// The service of `users.proto`: its servers, and its client.
import { fileURLToPath } from 'node:url'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

export interface User {
  readonly id: string
  readonly servedBy: string
}

interface UsersClient extends grpc.Client {
  getUser(
    request: { id: string },
    options: grpc.CallOptions,
    callback: (error: grpc.ServiceError | null, user?: User) => void,
  ): grpc.ClientUnaryCall
}

interface UsersPackage {
  readonly users: {
    readonly v1: {
      readonly Users: Pick<grpc.ServiceClientConstructor, 'service'> & (new (...args: ClientArguments) => UsersClient)
    }
  }
}

type ClientArguments = [target: string, credentials: grpc.ChannelCredentials]

const loaded: unknown = grpc.loadPackageDefinition(loadSync(fileURLToPath(new URL('users.proto', import.meta.url))))

export const Users: UsersPackage['users']['v1']['Users'] = (loaded as UsersPackage).users.v1.Users

/** A server that says who it is. */
export async function startServer(name: string): Promise<{ server: grpc.Server; address: string }> {
  const server = new grpc.Server()
  server.addService(Users.service, {
    getUser: (call: grpc.ServerUnaryCall<{ id: string }, User>, callback: grpc.sendUnaryData<User>) =>
      callback(null, { id: call.request.id, servedBy: name }),
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return { server, address: `127.0.0.1:${port}` }
}

export function getUser(client: UsersClient, id: string): Promise<User> {
  return new Promise((resolve, reject) => {
    client.getUser({ id }, { deadline: Date.now() + 5_000 }, (error, user) =>
      user === undefined ? reject(error) : resolve(user),
    )
  })
}
