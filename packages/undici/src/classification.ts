import type { AttemptResult, Classification } from '@lb/core'
import { classifyError, classifyResponse } from '@lb/core/authoring'
import { isUnreadable } from './errors.ts'
import type { RequestBody } from './request-body.ts'
import type { ServiceResponse } from './response.ts'

/** How an attempt ended. */
export function classify(result: AttemptResult<ServiceResponse>, body: RequestBody | undefined): Classification {
  const classification = result.ok ? classifySuccess(result.value) : classifyFailure(result.error)
  return body === undefined || body.isReplayable ? classification : { ...classification, retry: 'never' }
}

function classifySuccess(response: ServiceResponse): Classification {
  const classification = classifyResponse(response)
  // What the caller has seen is not repeated.
  return response.isPassedOn ? { ...classification, retry: 'never' } : classification
}

function classifyFailure(error: unknown): Classification {
  // The instance has the request, and would respond so again.
  return isUnreadable(error) ? { ok: false, retry: 'never' } : classifyError(error)
}
