// Numbers as people read them. Every unit keeps its width, so that live numbers do not make the page jump.

/** Decimal units, as download pages and data plans have them. */
export function bytesInWords(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  if (bytes < 999_950_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

export function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

export const rateInWords = (bytesPerSecond: number): string =>
  `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`;

/** To the hundredth of a cent while it is little, to the dollar when it is much. */
export function moneyInWords(dollars: number): string {
  if (dollars < 100) return `$${dollars.toFixed(4)}`;
  return `$${Math.round(dollars).toLocaleString("en")}`;
}
