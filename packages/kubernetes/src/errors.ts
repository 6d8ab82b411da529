import { DiscoveryError, type LoadBalancerErrorOptions } from '@lb/core'

/** The API server cannot go on from the resource version that was asked for: too old, or newer than what it knows. */
export class VersionUnusableError extends DiscoveryError {
  constructor(message: string, options?: LoadBalancerErrorOptions) {
    super(message, { ...options, name: 'VersionUnusableError' })
  }
}
