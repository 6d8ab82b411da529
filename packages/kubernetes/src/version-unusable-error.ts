import { DiscoveryError } from '@lb/core'

/** The API server cannot go on from the resource version that was asked for: too old, or newer than what it knows. */
export class VersionUnusableError extends DiscoveryError {}
