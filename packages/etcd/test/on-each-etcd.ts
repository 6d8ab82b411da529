import { Etcd, type EtcdVersion } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'

/** A suite that is run on each version of etcd. */
export function onEachEtcd(name: string, body: (version: EtcdVersion) => void): void {
  for (const version of ['3.4', '3.5'] as const) {
    describeWithServers(`${name}, on etcd ${version}`, Etcd.programs, () => body(version))
  }
}
