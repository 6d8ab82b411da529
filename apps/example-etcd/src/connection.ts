import type { EtcdConnectionOptions } from '@lb/etcd'

/** How etcd is reached, as the environment says. */
export function connection(): EtcdConnectionOptions {
  const { ETCD_ENDPOINTS: endpoints, ETCD_USER: user } = process.env
  const [username = '', ...password] = user?.split(':') ?? []
  return {
    ...(endpoints !== undefined && { endpoints: endpoints.split(',') }),
    ...(user !== undefined && { username, password: password.join(':') }),
  }
}
