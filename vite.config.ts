// What every bundle for pages has in common, shipped or tested: simple-peer from its own source, on small ground.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const PREBUILT = "simple-peer/simplepeer.min.js";
const SOURCE = fileURLToPath(new URL("node_modules/simple-peer/index.js", import.meta.url));
const PACKAGE = fileURLToPath(new URL("node_modules/simple-peer/package.json", import.meta.url));
const GROUND = fileURLToPath(new URL("client/browser/peer-ground.ts", import.meta.url));

/** The version whose source is known. Another one has to be looked at again. */
const VERSION = "9.11.1";
/** How it asks for its packages, one a line, and how it hands itself out. */
const REQUIRE = /^const .+ = require\(.+$/gm;
const EXPORTS = "module.exports = Peer\n";
const REQUIRED = 7;
/** What it would say of itself in a log that nobody reads. */
const DEBUG = /^ *this\._debug\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)$/gm;
const DEBUGGED = 41;
/** What it does with sound and pictures, also at a stranger's wish. Here it carries bytes, and these do nothing. */
const METHODS = [
  "addTransceiver",
  "addStream",
  "addTrack",
  "replaceTrack",
  "removeTrack",
  "removeStream",
  "_requestMissingTransceivers",
  "_onTrack",
];
const MEDIA = new RegExp(`^  (${METHODS.join("|")}) \\(.*\\) \\{\\n[^]*?^  \\}$`, "gm");

function leanPeer(): Plugin {
  return {
    name: "lean-peer",
    enforce: "pre",
    resolveId: (id) => (id === PREBUILT ? SOURCE : null),
    load(id) {
      if (id !== SOURCE) return null;
      const source = readFileSync(SOURCE, "utf8");
      const { version } = JSON.parse(readFileSync(PACKAGE, "utf8"));
      const counts = [REQUIRE, DEBUG, MEDIA].map((all) => source.match(all)?.length);
      const isKnown = String(counts) === String([REQUIRED, DEBUGGED, METHODS.length]);
      if (version !== VERSION || !isKnown || !source.includes(EXPORTS)) {
        throw new Error("simple-peer is not the version that vite.config.ts knows");
      }
      const carrier = source.replace(REQUIRE, "").replace(DEBUG, "").replace(MEDIA, "  $1 () {}");
      const names = "debug as debugOf, getBrowserRTC, randombytes, stream, errCode, Buffer";
      const head = `import { ${names} } from ${JSON.stringify(GROUND)}\nconst debug = debugOf()\n`;
      return head + carrier.replace(EXPORTS, "export default Peer\n");
    },
  };
}

export default defineConfig({ plugins: [leanPeer()], publicDir: false });
