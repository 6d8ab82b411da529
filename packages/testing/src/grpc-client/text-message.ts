/** The messages of the service that the suite calls: `message Text { string text = 1; }`. */

/** At most 127 bytes, so that the length is one. */
function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length > 127) throw new RangeError(`a text of at most 127 bytes, got ${bytes.length}`)
  return bytes.length === 0 ? bytes : Buffer.concat([Buffer.from([0x0a, bytes.length]), bytes])
}

/** The text of a message. */
function decodeText(bytes: Buffer): string {
  return bytes.length === 0 ? '' : bytes.subarray(2).toString()
}

/** The definition of a method, as grpc-js takes it. */
export function textMethod(name: string, { stream = false }: { readonly stream?: boolean } = {}): TextMethod {
  return {
    path: `/${textService}/${name}`,
    requestStream: false,
    responseStream: stream,
    requestSerialize: encodeText,
    requestDeserialize: decodeText,
    responseSerialize: encodeText,
    responseDeserialize: decodeText,
  }
}

/** A method with texts as its messages. */
export interface TextMethod {
  /** `/lb.testing.v1.Echo/Say`. */
  readonly path: string
  /** One request. */
  readonly requestStream: false
  /** Whether there are many responses. */
  readonly responseStream: boolean
  /** The bytes of a request, of at most 127 bytes of text. */
  readonly requestSerialize: (text: string) => Buffer
  /** The text of a request. */
  readonly requestDeserialize: (bytes: Buffer) => string
  /** The bytes of a response, of at most 127 bytes of text. */
  readonly responseSerialize: (text: string) => Buffer
  /** The text of a response. */
  readonly responseDeserialize: (bytes: Buffer) => string
}

/** The name of the service. */
export const textService = 'lb.testing.v1.Echo'

/** Its `.proto`, for clients that are made from one. */
export const textProto: string = `syntax = "proto3";
package lb.testing.v1;
message Text { string text = 1; }
service Echo {
  rpc Say(Text) returns (Text);
  rpc Follow(Text) returns (stream Text);
}
`
