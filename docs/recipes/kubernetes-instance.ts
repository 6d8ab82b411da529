// #region recipe
import { gracefulShutdown, healthEndpoint } from '@lb/express'
import express from 'express'

const health = healthEndpoint()
const app = express()
  .use(health) // the readinessProbe
  .all('/', (_request, response) => void setTimeout(() => response.send(process.env.NAME), 20))
const server = app.listen(Number(process.env.PORT ?? 8080))
gracefulShutdown(server, { health, noticeMs: Number(process.env.NOTICE_MS ?? 5_000) })
// #endregion recipe
server.once('listening', () => console.log('listening'))
