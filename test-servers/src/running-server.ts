import type { ServerProcess } from './server-process.ts'

/** A server with state that survives its process: it can be killed and come back, or stand still for a while. */
export abstract class RunningServer {
  protected readonly server: ServerProcess

  protected constructor(server: ServerProcess) {
    this.server = server
  }

  get pid(): number {
    return this.server.pid
  }

  /** The last of what it logged. */
  get log(): string {
    return this.server.log
  }

  /** Ends it as a crash would (SIGKILL). */
  kill(): Promise<void> {
    return this.server.kill()
  }

  /** Asks it to end (SIGTERM), and waits until it has. */
  terminate(): Promise<void> {
    return this.server.terminate()
  }

  /** Starts it again, on the same ports and the same data, and waits until it is ready. */
  restart(): Promise<void> {
    return this.server.restart()
  }

  /** It stands still (SIGSTOP): connections are accepted by the system, nothing is answered. */
  pause(): void {
    this.server.pause()
  }

  resume(): void {
    this.server.resume()
  }

  /** Ends it for good and removes its data. */
  stop(): Promise<void> {
    return this.server.stop()
  }
}
