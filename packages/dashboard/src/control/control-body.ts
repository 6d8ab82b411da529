import type { ControlVerb } from '../api.ts'
import { ApiError } from '../http/api-error.ts'
import type { DashboardAction } from '../options.ts'

/** What of a body each verb takes. */
const fieldsOf: Readonly<Record<ControlVerb, readonly string[]>> = {
  drain: ['instance'],
  restore: ['instance'],
  weight: ['instance', 'weight'],
  shares: ['shares'],
  'end-ejection': ['instance'],
}

/** How many groups may have a share. */
const maxGroups = 500

/**
 * What a request asks for.
 *
 * @throws ApiError naming the field
 */
export function actionOf(type: ControlVerb, service: string, body: unknown): DashboardAction {
  const fields = parsed(body)
  for (const name of Object.keys(fields)) {
    if (!fieldsOf[type].includes(name)) {
      const message = `${JSON.stringify(name.slice(0, 40))} is not a field of ${type}: that takes ${fieldsOf[type].join(', ')}`
      throw new ApiError('BAD_REQUEST', message, { field: name.slice(0, 40), known: fieldsOf[type] })
    }
  }
  if (type === 'shares') return { type, service, shares: sharesOf(fields['shares']) }
  const { instance } = fields
  if (typeof instance !== 'string' || instance === '') invalid('instance', 'the id of an instance')
  return type === 'weight'
    ? { type, service, instance, weight: weightOf(fields['weight']) }
    : { type, service, instance }
}

function parsed(body: unknown): Readonly<Record<string, unknown>> {
  let value = body instanceof Uint8Array ? new TextDecoder().decode(body) : body
  if (typeof value === 'string') {
    try {
      value = JSON.parse(value)
    } catch {
      throw new ApiError('BAD_REQUEST', 'The body is no JSON')
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError('BAD_REQUEST', 'The body is no JSON object')
  }
  return value as Readonly<Record<string, unknown>>
}

function weightOf(weight: unknown): number {
  if (isShare(weight)) return weight
  return invalid('weight', 'a finite number ≥ 0')
}

function sharesOf(shares: unknown): Readonly<Record<string, number>> | null {
  if (shares === null) return null
  const legal = 'an object with a number ≥ 0 for each group, or null'
  if (typeof shares !== 'object' || Array.isArray(shares)) return invalid('shares', legal)
  const entries = Object.entries(shares ?? {})
  if (entries.length === 0 || entries.length > maxGroups) return invalid('shares', legal)
  for (const [group, share] of entries)
    if (!isShare(share)) invalid(`shares.${group.slice(0, 40)}`, 'a finite number ≥ 0')
  return Object.fromEntries(entries)
}

function isShare(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function invalid(field: string, legal: string): never {
  throw new ApiError('BAD_REQUEST', `${field} must be ${legal}`, { field })
}
