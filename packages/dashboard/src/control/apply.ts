import { InvalidOptionError, type LoadBalancer, LoadBalancerError } from '@lb/core'
import { ApiError } from '../http/api-error.ts'
import type { DashboardAction } from '../options.ts'

/**
 * Does what was asked for, in the name of `by`.
 *
 * @throws ApiError
 */
export function apply(
  lb: LoadBalancer,
  { type, service, instance = '', weight = 0, shares }: DashboardAction,
  by: string,
): void {
  try {
    const control = lb.control(service, { by })
    switch (type) {
      case 'drain':
        control.drain(instance)
        break
      case 'restore':
        control.restore(instance)
        break
      case 'weight':
        control.setWeight(instance, weight)
        break
      case 'shares':
        control.setShares(shares ?? undefined)
        break
      case 'end-ejection':
        control.endEjection(instance)
        break
    }
  } catch (error) {
    throw asApiError(error)
  }
}

function asApiError(error: unknown): unknown {
  if (!(error instanceof LoadBalancerError)) return error
  const { code, message } = error
  if (error instanceof InvalidOptionError) return new ApiError('BAD_REQUEST', message, { field: error.option })
  if (code === 'LB_UNKNOWN_SERVICE' || code === 'LB_UNKNOWN_INSTANCE') {
    const known = 'known' in error && Array.isArray(error.known) ? error.known.map(String) : []
    return new ApiError(code, message, { known })
  }
  return code === 'LB_CLOSED' ? new ApiError('CLOSED', message) : error
}
