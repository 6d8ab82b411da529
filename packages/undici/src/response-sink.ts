/** Where the body of a response goes. */
export interface ResponseSink<Trailers> {
  /** The body comes next; `isHere`: some of it, or all, has arrived. */
  begin(isHere: boolean): void
  /** Takes a part. Returns whether it wants more at once; otherwise `HeldResponse.resume` asks for more. */
  write(chunk: Buffer): boolean
  /** The body is complete. */
  end(trailers: Trailers): void
  /** Takes the whole body at once, without any of the others. Default: `begin`, `write` and `end`. */
  endWith?(chunk: Buffer, trailers: Trailers): void
  /** The body broke off. */
  fail(error: Error): void
}
