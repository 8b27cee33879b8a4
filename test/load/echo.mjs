// The least that a WebSocket server can do with `ws`: it sends back what it hears.

import { WebSocketServer } from "ws";

const server = new WebSocketServer({
  port: Number(process.argv[2]),
  host: "127.0.0.1",
  perMessageDeflate: false,
});
server.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (text) => socket.send(String(text)));
});
server.on("listening", () => console.log(JSON.stringify({ port: server.address().port })));
