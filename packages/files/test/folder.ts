import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'

/** A folder of its own for each test. */
export class Folder {
  path = ''

  static use(): Folder {
    const folder = new Folder()
    beforeEach(() => {
      folder.path = mkdtempSync(join(tmpdir(), 'lb-files-'))
    })
    afterEach(() => rmSync(folder.path, { recursive: true }))
    return folder
  }

  /** As it should be written: beside its place, and renamed. */
  write(name: string, content: unknown): void {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    writeFileSync(join(this.path, `.${name}.new`), text)
    renameSync(join(this.path, `.${name}.new`), join(this.path, name))
  }
}

/**
 * A volume with a ConfigMap, as kubelet writes it: the files are in a folder with the time in its name, `..data` links to that, and each file
 * links into `..data`. A new version is another folder; `..data` is replaced by a rename, and the old folder is removed.
 * Source: Kubernetes, pkg/volume/util/atomic_writer.go.
 */
export class ConfigMapVolume {
  readonly #path: string
  #version = 0
  #names: readonly string[] = []

  constructor(path: string) {
    this.#path = path
  }

  write(files: Readonly<Record<string, string>>): void {
    const [before, now] = [this.#version, ++this.#version].map((version) => `..2026_11_30_12_00_0${version}.123456789`)
    mkdirSync(join(this.#path, now as string))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.#path, now as string, name), text)
    symlinkSync(now as string, join(this.#path, '..data_tmp'))
    renameSync(join(this.#path, '..data_tmp'), join(this.#path, '..data'))
    const names = Object.keys(files)
    for (const name of names.filter((one) => !this.#names.includes(one))) {
      symlinkSync(join('..data', name), join(this.#path, name))
    }
    for (const name of this.#names.filter((one) => !names.includes(one))) unlinkSync(join(this.#path, name))
    this.#names = names
    rmSync(join(this.#path, before as string), { recursive: true, force: true })
  }
}
