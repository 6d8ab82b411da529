import { describeOnServer } from './real-server.ts'
import { describeKratosServices } from './real-server-kratos.ts'
import { describeOutages } from './real-server-outages.ts'

// It starts once more in the outages, which takes its time: one version has to do. Clients in Go speak gRPC, which 2.5 has switched off here.
describeOnServer('3.1', describeKratosServices, describeOutages)
