/** What came is not an answer that Nacos gives. The message is for people. */
export class MalformedAnswer extends Error {}
