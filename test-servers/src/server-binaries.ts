import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where `scripts/install-test-servers.sh` puts what no package manager has, and where servers are that PATH leaves out. */
const furtherFolders = [
  serversFolder('consul/usr/bin'),
  serversFolder('etcd-3.4'),
  serversFolder('etcd-3.5'),
  serversFolder('go-interop'),
  serversFolder('kube-apiserver'),
  serversFolder('nacos-2.5'),
  serversFolder('nacos-3.1'),
  '/usr/sbin',
  '/sbin',
]

function serversFolder(path: string): string {
  return fileURLToPath(new URL(`../../.tools/servers/${path}`, import.meta.url))
}

/** The path of a program, or `undefined` when it is not installed. */
export function findBinary(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...furtherFolders]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

/** The path of a program that is installed. */
export function binary(name: string): string {
  const path = findBinary(name)
  if (path === undefined) throw new Error(`${name} is not installed; run scripts/install-test-servers.sh`)
  return path
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
