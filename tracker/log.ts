// What the tracker tells its operator: one JSON object a line, on stderr. Never an address, a peer id, a secret or
// a text that a stranger chose.

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type Log = (
  level: Exclude<LogLevel, "silent">,
  event: string,
  facts?: Readonly<Record<string, string | number | boolean>>,
) => void;

export const silent: Log = () => {};

export function jsonLog(upTo: LogLevel, write: (line: string) => void): Log {
  return (level, event, facts = {}) => {
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(upTo)) return;
    write(JSON.stringify({ time: new Date().toISOString(), level, event, ...facts }));
  };
}
