import { Metadata } from '@grpc/grpc-js'
import type { Criticality } from '@lb/core'
import { criticalityOf } from '@lb/core/authoring'
import { describe, expect, it } from 'vitest'
import { criticalityRule } from './call-criticality.ts'
import type { GrpcCallInfo } from './call-info.ts'
import type { RegisterLoadBalancerOptions } from './options.ts'

function call(metadata: Record<string, string>, method = '/users.v1.Users/GetUser'): GrpcCallInfo {
  return { service: 'users', method, metadata: Metadata.fromHttp2Headers(metadata) }
}

function classOf(option: RegisterLoadBalancerOptions['criticality'], of: GrpcCallInfo): Criticality | undefined {
  const rule = criticalityRule('criticality', option)
  return rule && criticalityOf(rule, of)
}

describe('what a call is worth', () => {
  it.each(['critical', 'default', 'sheddable'])('is in the metadata: %s', (value) => {
    expect(classOf('x-lb-criticality', call({ 'x-lb-criticality': value }))).toBe(value)
    expect(classOf('X-LB-Criticality', call({ 'x-lb-criticality': value }))).toBe(value)
  })

  it.each([{}, { 'x-lb-criticality': 'urgent' }, { 'x-lb-criticality': '' }, { 'x-lb-criticality': 'CRITICAL' }])(
    'is the default for the metadata %j',
    (metadata) => expect(classOf('x-lb-criticality', call(metadata))).toBeUndefined(),
  )

  it('is what a function of the method says, of which what is no class is the default', () => {
    const option = ({ method }: GrpcCallInfo) =>
      method.endsWith('/Prefetch') ? 'sheddable' : method.endsWith('/GetUser') ? undefined : ('urgent' as Criticality)
    expect(classOf(option, call({}, '/users.v1.Users/Prefetch'))).toBe('sheddable')
    expect(classOf(option, call({}))).toBeUndefined()
    expect(classOf(option, call({}, '/users.v1.Users/Other'))).toBeUndefined()
  })

  it('is the same for all calls if the option is a class', () => {
    expect(classOf('sheddable', call({ sheddable: 'critical' }))).toBe('sheddable')
  })

  it('is nothing without an option', () => {
    expect(criticalityRule('criticality', undefined)).toBeUndefined()
  })
})
