// #region recipe
import { loadBalanceInterceptor } from '@lb/undici'
import { Agent, fetch, setGlobalDispatcher } from 'undici'
import { lb, twelveCalls } from './service.ts'

const agent = new Agent()
setGlobalDispatcher(agent.compose(loadBalanceInterceptor(lb)))

const profile = () => fetch('http://user-service/v1/profile').then((response) => response.json())
// #endregion recipe
await twelveCalls(profile)
await agent.close()
