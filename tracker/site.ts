// Which pages may join: the sites the operator named, or, with none named, pages of this machine.

/** The origin a text names, in the browser's own spelling; `undefined` unless it is exactly an http(s) origin. */
export function siteOf(text: string): string | undefined {
  if (!/^https?:\/\/[^/?#@\s]+\/?$/i.test(text)) return undefined;
  try {
    return new URL(text).origin;
  } catch {
    return undefined;
  }
}

/** `localhost` and all below it never leave the machine (RFC 6761), nor does 127.0.0.0/8; URL spells IPv6 one way. */
const isLoopbackHost = (host: string): boolean =>
  host === "localhost" ||
  host.endsWith(".localhost") ||
  host === "[::1]" ||
  /^127\.\d+\.\d+\.\d+$/.test(host);

/** The site of an `Origin` header, if its pages may join. `null` and missing origins may not. */
export function admittedSite(
  header: string | undefined,
  sites: ReadonlySet<string>,
): string | undefined {
  // As browsers spell it, and as the operator's was spelt: no need to look closer.
  if (header !== undefined && sites.has(header)) return header;
  const site = siteOf(header ?? "");
  if (site === undefined) return undefined;
  if (sites.size > 0) return sites.has(site) ? site : undefined;
  return isLoopbackHost(new URL(site).hostname) ? site : undefined;
}
