// What a team's Node application looks like to nginx: the standard server, and ws.
const http = require("node:http");
const { WebSocketServer } = require("ws");

let release = () => {};
const released = new Promise((resolve) => (release = resolve));
let received = 0;
let executed = 0;

async function answer(request, response) {
  const path = request.url.split("?")[0];
  if (path === "/events") {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write("data: first\n\n");
    await released;
    return response.end("data: last\n\n");
  }
  if (path === "/upload") {
    for await (const part of request) received += part.length;
    return response.end(String(received));
  }
  if (path === "/early") {
    response.statusCode = 401;
    return response.end("no");
  }
  if (path === "/release") release();
  if (path === "/received") return response.end(String(received));
  if (path === "/executed") return response.end(String(executed));
  if (path.startsWith("/headers/")) {
    const size = Number(path.split("/")[2]);
    response.setHeader("X-Large", Array(Math.floor(size / 4000)).fill("x".repeat(4000)));
    return response.end("ok");
  }
  if (path === "/secure" && request.headers["x-forwarded-proto"] !== "https") {
    response.writeHead(301, { Location: `https://${request.headers.host}/secure` });
    return response.end();
  }
  let body = "";
  for await (const part of request) body += part;
  if (path === "/count") {
    executed += 1;
    return response.end(body || "counted");
  }
  const raw = request.rawHeaders;
  const headers = raw.flatMap((name, i) => (i % 2 ? [] : [[name.toLowerCase(), raw[i + 1]]]));
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ method: request.method, target: request.url, headers, body }));
}

const server = http.createServer({ maxHeaderSize: 200_000 }, (request, response) => {
  answer(request, response).catch((error) => response.destroy(error));
});
// Shorter than any would be set to, so that requests meet the end of a connection often.
server.keepAliveTimeout = 5;
server.keepAliveTimeoutBuffer = 0;
const sockets = new WebSocketServer({ server, path: "/ws" });
sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data.toString())));
server.listen(Number(process.argv[2]), "127.0.0.1");
