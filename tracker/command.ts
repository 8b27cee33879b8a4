// `shoal tracker`: reads its options, listens, says so in one line, and drains when asked to stop. Owns the exit codes
// and what a person reads; the process itself (arguments, signals, streams) is handed in.

import { jsonLog } from "./log.ts";
import {
  DEFAULT_PORT,
  DEFAULT_STUN_PORT,
  OptionError,
  readOptions,
  type TrackerOptions,
} from "./options.ts";
import { thisPackage } from "./package-root.ts";
import { type RunningTracker, startTracker } from "./server.ts";

export interface Host {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** One line, without its end. */
  out(line: string): void;
  err(line: string): void;
  /** Aborted when it is time to go. */
  readonly stop: AbortSignal;
  /** Whom to tell when the operator has changed files that are read again. */
  onReload(listener: () => void): void;
}

export const TRACKER_USAGE = `Usage: shoal tracker [options]

Introduces the visitors of your site to each other and serves the client script.

  --port N             port to listen on; 0 is any free one (default ${DEFAULT_PORT})
  --host ADDRESS       address to listen on (default: all with --site, else 127.0.0.1)
  --site ORIGIN        pages that may join, such as https://example.org; repeatable
                       (without it only pages of this machine may)
  --token-secret SECRET
                       joining takes a token signed with this secret; repeatable while
                       secrets change; better set as SHOAL_TOKEN_SECRET, where ps shows nothing
  --content ORIGIN     whose URLs are read, hashed and signed when pages ask; repeatable; a
                       private address must be listed itself; "off": none (default: the sites)
  --key FILE           signing key, made if there is none (default: a new one each start);
                       purges are kept beside it
  --purge-token SECRET
                       whoever has it may POST /purge; needs --key; better set as
                       SHOAL_PURGE_TOKEN, where ps shows nothing
  --trust-proxy N|CIDR,...
                       believe X-Forwarded-For from so many proxies, or from these subnets
  --regions FILE       JSON object of subnet and name, such as {"10.0.0.0/8": "office"},
                       and of borders; read again on SIGHUP, as are the databases
  --geo-db FILE        country database in MaxMind's format (default: one that ships)
  --asn-db FILE        ASN database in MaxMind's format (default: none)
  --stun-port N|off    UDP port of the STUN server (default: ${DEFAULT_STUN_PORT} with --site, else off)
  --turn-url URL       TURN server for visitors who can only meet by relay; repeatable
  --turn-secret SECRET the static-auth-secret of that server
  --redis URL          shares the swarms with other trackers over this Redis; better set as
                       SHOAL_REDIS if the URL has a password
  --dashboard          show sums of the last hour at /dashboard, to whoever reaches this port
  --log-level LEVEL    silent, error, warn, info or debug (default info)
  --help, --version

Every option can also be set in the environment: SHOAL_PORT, SHOAL_SITE (comma-separated) and so on.`;

const BAD_USAGE = 2;
const FAILED = 1;

/** Resolves with the exit code once everything is closed; never rejects. */
export async function runTracker(args: readonly string[], host: Host): Promise<number> {
  const command = readOptions(args, host.environment);
  switch (command.kind) {
    case "help":
      host.out(TRACKER_USAGE);
      return 0;
    case "version":
      host.out(thisPackage().version);
      return 0;
    case "mistake":
      host.err(command.sentence);
      return BAD_USAGE;
    case "run":
      return run({ ...command.options, log: jsonLog(command.logLevel, host.err) }, host);
  }
}

async function run(options: TrackerOptions, host: Host): Promise<number> {
  let tracker: RunningTracker;
  try {
    tracker = await started(options);
  } catch (error) {
    host.err(sentenceOf(error, options));
    return isUsage(error) ? BAD_USAGE : FAILED;
  }
  if (options.sites === undefined || options.sites.length === 0) {
    options.log?.("warn", "loopback-only", {
      message: "No --site is given, so only pages of this machine (localhost) may join.",
    });
  }
  const { port, url, key } = tracker;
  host.onReload(() => void tracker.reload());
  host.out(JSON.stringify({ event: "listening", port, url, key }));
  if (!host.stop.aborted) {
    await new Promise<void>((resolve) => {
      host.stop.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  await tracker.close({ graceful: true });
  return 0;
}

/** The default STUN port may be taken, by a TURN server for example; one that was asked for may not. */
async function started(options: TrackerOptions): Promise<RunningTracker> {
  const { sites = [], stunPort = sites.length > 0 ? DEFAULT_STUN_PORT : "off" } = options;
  try {
    return await startTracker({ ...options, stunPort });
  } catch (error) {
    const isStun = error instanceof OptionError && error.option === "stunPort";
    if (!isStun || options.stunPort !== undefined) throw error;
    options.log?.("warn", "no-stun", { message: error.message });
    return startTracker(options);
  }
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && "code" in error ? error.code : undefined;

const BAD_HOST: readonly unknown[] = ["EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN", "EINVAL"];
const isUsage = (error: unknown): boolean =>
  error instanceof OptionError || BAD_HOST.includes(codeOf(error));

function sentenceOf(error: unknown, { port, host }: TrackerOptions): string {
  if (error instanceof OptionError) return error.message;
  const code = codeOf(error);
  if (code === "EADDRINUSE") return `Port ${port} is in use; choose another with --port.`;
  if (code === "EACCES") return `Port ${port} is not ours to take; choose another with --port.`;
  if (BAD_HOST.includes(code)) return `--host: ${host} is not an address of this machine.`;
  return `The tracker cannot start: ${error instanceof Error ? error.message : String(error)}`;
}
