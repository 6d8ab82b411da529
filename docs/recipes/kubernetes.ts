import { follow } from './follow.ts'

const { KUBECONFIG: kubeconfig } = process.env // in a pod: none

// #region recipe
import { LoadBalancer } from '@lb/core'
import { KubernetesDiscovery } from '@lb/kubernetes'

const lb = new LoadBalancer({ discovery: new KubernetesDiscovery({ namespace: 'prod', port: 'http', kubeconfig }) })
// #endregion recipe
await follow(lb)
