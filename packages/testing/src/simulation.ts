// The simulator alone, which runs wherever JavaScript does: also in a browser.
export type { CriticalityReport, SecondReport } from './simulation/call-recorder.ts'
export { type LatencyProfile, latencySampler } from './simulation/latency-profile.ts'
export { randomTree } from './simulation/random-tree.ts'
export { type ReadRecordingOptions, readRecording } from './simulation/recording/read-recording.ts'
export type { Recording } from './simulation/recording/recording.ts'
export type { RecordingSource } from './simulation/recording/recording-lines.ts'
export { runScenario, type Scenario, type ScenarioOptions } from './simulation/scenario.ts'
export { type ScenarioName, scenarios } from './simulation/scenarios.ts'
export type { SimulatedFleet } from './simulation/simulated-fleet.ts'
export { type InstanceBehaviour, SimulatedInstance } from './simulation/simulated-instance.ts'
export type { RegistryMode, SimulatedRegistry } from './simulation/simulated-registry.ts'
export { simulate } from './simulation/simulation.ts'
export { SimulationClock } from './simulation/simulation-clock.ts'
export type {
  CriticalityShares,
  SimulatedClientContext,
  SimulatedLoadBalancerOptions,
  SimulationOptions,
  SimulationWorld,
} from './simulation/simulation-options.ts'
export type { SimulationReport } from './simulation/simulation-report.ts'
