import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder with one file, written as kubelet writes a ConfigMap: a new version is a new folder, and the link `..data` is replaced. */
export class ConfigMapVolume {
  readonly path: string = mkdtempSync(join(tmpdir(), 'example-files-'))
  readonly #file: string
  #version = 0

  constructor(file: string) {
    this.#file = file
    symlinkSync(join('..data', file), join(this.path, file))
  }

  write(text: string): void {
    const version = `..version-${++this.#version}`
    mkdirSync(join(this.path, version))
    writeFileSync(join(this.path, version, this.#file), text)
    symlinkSync(version, join(this.path, '..data_tmp'))
    renameSync(join(this.path, '..data_tmp'), join(this.path, '..data'))
    rmSync(join(this.path, `..version-${this.#version - 1}`), { recursive: true, force: true })
  }

  remove(): void {
    rmSync(this.path, { recursive: true })
  }
}
