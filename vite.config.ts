// What every bundle for pages has in common, shipped or tested: simple-peer from its own source, on small ground.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const PREBUILT = "simple-peer/simplepeer.min.js";
const SOURCE = fileURLToPath(new URL("node_modules/simple-peer/index.js", import.meta.url));
const GROUND = fileURLToPath(new URL("client/browser/peer-ground.ts", import.meta.url));

/** The first lines of simple-peer 9.11.1, and the last. A version that differs has to be looked at again. */
const REQUIRES = `const debug = require('debug')('simple-peer')
const getBrowserRTC = require('get-browser-rtc')
const randombytes = require('randombytes')
const stream = require('readable-stream')
const queueMicrotask = require('queue-microtask') // TODO: remove when Node 10 is not supported
const errCode = require('err-code')
const { Buffer } = require('buffer')
`;
const EXPORTS = "module.exports = Peer\n";

function leanPeer(): Plugin {
  return {
    name: "lean-peer",
    enforce: "pre",
    resolveId: (id) => (id === PREBUILT ? SOURCE : null),
    load(id) {
      if (id !== SOURCE) return null;
      const source = readFileSync(SOURCE, "utf8");
      if (!source.includes(REQUIRES) || !source.includes(EXPORTS)) {
        throw new Error("simple-peer is not the version that vite.config.ts knows");
      }
      const names = "debug as debugOf, getBrowserRTC, randombytes, stream, errCode, Buffer";
      return source
        .replace(
          REQUIRES,
          `import { ${names} } from ${JSON.stringify(GROUND)}\nconst debug = debugOf()\n`,
        )
        .replace(EXPORTS, "export default Peer\n");
    },
  };
}

export default defineConfig({ plugins: [leanPeer()], publicDir: false });
