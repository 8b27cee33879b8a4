// What can be wrong with a directory or its manifest that only the publisher can put right. The message is one sentence
// that names the file; nothing else is carried.

export class PublishError extends Error {
  override readonly name = "PublishError";
}
