import 'reflect-metadata'
import type { LoggerService, ModuleMetadata } from '@nestjs/common'
import { Test, type TestingModule, type TestingModuleBuilder } from '@nestjs/testing'
import { onTestFinished } from 'vitest'

/** What the application logged, one line each: `warn text`. */
export class LogLines implements LoggerService {
  readonly lines: string[] = []
  log(): void {}
  warn(message: unknown): void {
    this.lines.push(`warn ${String(message)}`)
  }
  error(message: unknown): void {
    this.lines.push(`error ${String(message)}`)
  }
}

/** An application of these imports, closed when the test ends. */
export async function application(
  metadata: ModuleMetadata,
  { override = (builder) => builder, log = new LogLines() }: ApplicationOptions = {},
): Promise<TestingModule> {
  const module = await override(Test.createTestingModule(metadata).setLogger(log)).compile()
  await module.init()
  onTestFinished(() => module.close())
  return module
}

interface ApplicationOptions {
  readonly override?: (builder: TestingModuleBuilder) => TestingModuleBuilder
  readonly log?: LogLines
}
