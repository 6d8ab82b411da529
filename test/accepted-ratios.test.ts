import { expect, test } from 'vitest'
import { regressionsOf } from '../bench/accepted-ratios.ts'
import { higherIsBetter, lowerIsBetter, type Ratio } from '../bench/target.ts'

const accepted = { client: { rate: higherIsBetter(1), tail: lowerIsBetter(0.2) } }

function worse(ratios: Record<string, Ratio>): string[] {
  const targets = Object.entries(ratios).map(([text, ratio]) => ({ text, met: true, evidence: '', ratio }))
  return regressionsOf({ name: 'client', seconds: 1, report: '', targets }, accepted).map(({ text }) => text)
}

test('a ratio that is more than 15 % worse than accepted is a regression, in its own direction', () => {
  expect(worse({ rate: higherIsBetter(0.84), tail: lowerIsBetter(0.24) })).toEqual(['rate', 'tail'])
  expect(worse({ rate: higherIsBetter(0.86), tail: lowerIsBetter(0.22) })).toEqual([])
  expect(worse({ rate: higherIsBetter(2), tail: lowerIsBetter(0.01) })).toEqual([])
})

test('a ratio that was never accepted is no regression', () => {
  expect(worse({ new: lowerIsBetter(100) })).toEqual([])
})
