// What can be wrong with a directory or its manifest that only the publisher can put right. The message is one sentence
// that names the file; the code is for programs that read the log of `--watch`.

export type PublishCode =
  | "publish/unreadable"
  | "publish/unwritable"
  | "publish/changing"
  | "publish/too-large"
  | "publish/too-many"
  | "publish/long-url"
  | "publish/malformed"
  | "publish/not-a-manifest";

export class PublishError extends Error {
  override readonly name = "PublishError";
  readonly code: PublishCode;
  constructor(code: PublishCode, message: string) {
    super(message);
    this.code = code;
  }
}
