// The rival: bittorrent-tracker as a WebSocket tracker, from the benchmarks' own package.

// By path, and the server alone: its client wants a native library.
const { default: Server } = await import("../bench/node_modules/bittorrent-tracker/server.js");
const server = new Server({ http: false, udp: false, ws: true, stats: false });
server.on("error", () => {});
server.on("warning", () => {});
server.listen(Number(process.argv[2]), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.ws.address().port }));
});
