import { follow } from './follow.ts'

const { DIRECTORY: directory = '/etc/my-app/services' } = process.env

// #region recipe
import { LoadBalancer } from '@lb/core'
import { FileDiscovery } from '@lb/files'

const lb = new LoadBalancer({ discovery: new FileDiscovery({ directory }) })
// #endregion recipe
await follow(lb)
