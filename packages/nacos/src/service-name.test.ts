import { expect, it } from 'vitest'
import { groupedName, joinedName, serviceNameProblem } from './service-name.ts'

it('takes the group of the options unless the service names one', () => {
  expect(groupedName('orders', 'SHOP')).toEqual({ group: 'SHOP', name: 'orders' })
  expect(groupedName('PAY@@orders', 'SHOP')).toEqual({ group: 'PAY', name: 'orders' })
  expect(joinedName(groupedName('orders', 'SHOP'))).toBe('SHOP@@orders')
})

it('refuses names that the registry could not hold', () => {
  expect(serviceNameProblem(groupedName('orders', 'SHOP'))).toBeUndefined()
  for (const name of ['', '@@orders', 'PAY@@', 'a@@b@@c']) {
    expect(serviceNameProblem(groupedName(name, 'SHOP')), name).toBeDefined()
  }
})
