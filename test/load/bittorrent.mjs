// The rival: bittorrent-tracker as a WebSocket tracker, from the benchmarks' own package.

import { createRequire } from "node:module";

const require = createRequire(new URL("../bench/package.json", import.meta.url));
const { Server } = await import(require.resolve("bittorrent-tracker"));
const server = new Server({ http: false, udp: false, ws: true, stats: false });
server.on("error", () => {});
server.on("warning", () => {});
server.listen(Number(process.argv[2]), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.ws.address().port }));
});
