// Listens at several ports without being a pprof endpoint at any of them. Writes "KIND PORT" for each, and "asked KIND" for every connection.
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

const page = "<!doctype html><title>App</title><p>Every path is this page; see the heap of goroutine allocs</p>";

const tcp = (onConnection: (socket: Socket) => void): Server =>
  createServer((socket) => {
    socket.on("error", () => undefined);
    onConnection(socket);
  });
const http = (onRequest: RequestListener): Server => createHttpServer(onRequest);

const kinds: Readonly<Record<string, Server>> = {
  silent: tcp((socket) => void socket.resume()),
  banner: tcp((socket) => void socket.end("220 mail.example.com ready\r\n")),
  "hangs-up": tcp((socket) => void socket.destroy()),
  "not-found": http(
    (_request, response) => void response.writeHead(404).end("/debug/pprof/ is not here: heap goroutine"),
  ),
  page: http((_request, response) => void response.end(page)),
  elsewhere: http(
    (_request, response) => void response.writeHead(302, { location: "http://192.0.2.1/debug/pprof/" }).end(),
  ),
  huge: http((_request, response) => void response.end(Buffer.alloc(5_000_000, "pprof heap goroutine "))),
};

for (const [kind, server] of Object.entries(kinds)) {
  server.on("connection", () => console.log(`asked ${kind}`));
  server.listen(0, "127.0.0.1", () => console.log(`${kind} ${(server.address() as AddressInfo).port}`));
}
