// The `ws` library of node at its leanest: no compression, no pings, no UTF-8 checks of what comes in.
//
//   node --expose-gc fanout_ws.mjs DIRECTORY_OF_WS LISTENING_DESCRIPTOR
//
// Obeys one JSON line after the other on its input ("memory": collect garbage; "viewers"; a text to
// broadcast), answers each with one line, and ends when its input does.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { WebSocketServer } = createRequire(import.meta.url)(process.argv[2]);
const http = createServer();
const server = new WebSocketServer({
  server: http,
  perMessageDeflate: false,
  skipUTF8Validation: true,
});

function obey(command) {
  if (command.broadcast !== undefined) return broadcast(command.broadcast);
  if (command.collect) globalThis.gc();
  answer(server.clients.size);
}

// As the library's documentation broadcasts: one buffer for all. Node finishes writes after the
// loop, so the answer waits for the last one.
function broadcast(text) {
  const payload = Buffer.from(text);
  let left = server.clients.size;
  if (left === 0) answer(0);
  const written = () => {
    left -= 1;
    if (left === 0) answer(server.clients.size);
  };
  for (const viewer of server.clients) viewer.send(payload, { binary: false }, written);
}

function answer(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

http.listen({ fd: Number(process.argv[3]) }, () => answer('ready'));
createInterface({ input: process.stdin })
  .on('line', (line) => obey(JSON.parse(line)))
  .on('close', () => process.exit());
