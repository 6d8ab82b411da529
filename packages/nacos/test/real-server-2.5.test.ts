import { describeOnServer } from './real-server.ts'
import { describePushes } from './real-server-pushes.ts'

describeOnServer('2.5', describePushes)
