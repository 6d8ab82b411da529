import { demonstrate } from './demonstration.ts'

await demonstrate()
