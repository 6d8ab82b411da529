export { HashOwners } from './hash-owners.ts'
export { Probing } from './probing.ts'
export { SmoothSequence } from './smooth-sequence.ts'
export { TwoChoices } from './two-choices.ts'
