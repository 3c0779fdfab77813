// A process of the HTTP soak: a target that answers /profile, is silent at /never and stops in the middle of /half. Prints its port;
// GET /stats tells of the connections that asked for anything else.
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { recording } from "../test/support/recordings.ts";

const body = recording("goroutine", 1);
const open = new Set<Socket>();
const stats = { requests: 0, connections: 0, most: 0 };

function count(socket: Socket): void {
  stats.requests++;
  if (open.has(socket)) return;
  open.add(socket);
  stats.connections++;
  stats.most = Math.max(stats.most, open.size);
  socket.once("close", () => open.delete(socket));
}

const server = createServer(({ url, socket }, response) => {
  if (url === "/stats") {
    response.writeHead(200, { Connection: "close" }).end(JSON.stringify({ ...stats, open: open.size }));
    return;
  }
  count(socket);
  if (url === "/never") return;
  response.writeHead(200, { "Content-Length": body.length });
  if (url === "/half") response.write(body.subarray(0, body.length >> 1));
  else response.end(body);
});
// Connections are the client's to close.
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on ${(server.address() as { port: number }).port}`);
});
