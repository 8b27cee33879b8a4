// What the tracker tells its operator: one JSON object a line, on stderr, by pino. Never an address, a peer id, a secret
// or a text that a stranger chose.

import { pino } from "pino";

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type Log = (
  level: Exclude<LogLevel, "silent">,
  event: string,
  facts?: Readonly<Record<string, string | number | boolean>>,
) => void;

export const silent: Log = () => {};

/** `write` gets whole lines without their ends. */
export function jsonLog(upTo: LogLevel, write: (line: string) => void): Log {
  const logger = pino(
    {
      level: upTo,
      // Neither process id nor host name: whatever collects the lines knows where they come from.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => write(line.trimEnd()) },
  );
  return (level, event, facts = {}) => logger[level]({ event, ...facts });
}
