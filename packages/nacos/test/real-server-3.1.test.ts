import { describeOnServer } from './real-server.ts'
import { describeOutages } from './real-server-outages.ts'

// It starts once more in these, which takes its time: one version has to do.
describeOnServer('3.1', describeOutages)
