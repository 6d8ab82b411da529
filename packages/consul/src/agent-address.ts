import { rejectOption } from '@lb/core/authoring'
import { checkServerUrl } from '@lb/registry-http'

/**
 * The URL of an agent from `127.0.0.1:8500`, `consul.example.org:8501` or a URL. Without a scheme it is `https` when `ssl` says so.
 *
 * @throws InvalidOptionError
 */
export function agentUrl(path: string, address: unknown, ssl: boolean): string {
  if (typeof address !== 'string' || address === '') {
    rejectOption(path, 'the address of an agent, such as "http://127.0.0.1:8500"', address)
  }
  if (address.startsWith('unix:')) {
    rejectOption(path, 'an http or https address', address, 'Sockets of the file system are not supported')
  }
  const url = /^[a-z][a-z\d+.-]*:\/\//i.test(address) ? address : `${ssl ? 'https' : 'http'}://${address}`
  checkServerUrl(path, url)
  return url
}
