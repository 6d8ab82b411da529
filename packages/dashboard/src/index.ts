export * from './api.ts'
export { type Dashboard, dashboard } from './dashboard.ts'
export type { NodeRequest, NodeResponse } from './http/node-handler.ts'
export type {
  Authorize,
  AuthorizedRequest,
  DashboardAction,
  DashboardOptions,
  Identity,
} from './options.ts'
