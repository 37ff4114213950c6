// The real SurrealDB engine (npm @surrealdb/node) behind the WebSocket RPC that `surreal start` speaks,
// so that tests can open a ws:// store where no surreal binary is installed.
//
//   node server.mjs [PORT] [STORAGE_URL]      PORT 0 (default) takes a free one; STORAGE_URL defaults to mem://
//
// Prints `listening PORT` once ready, and ends when stdin closes: start it with a pipe as stdin, never /dev/null.
// Unlike the real server it has one session for all sockets: `use` on one socket moves every other one too.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Encoded, decode, encode } from '@surrealdb/cbor';
import { WebSocketServer } from 'ws';

const port = Number(process.argv[2] ?? 0);
const storage = process.argv[3] ?? 'mem://';

// The package's public entry wants the whole JS SDK and decodes every answer; the native engine below it takes and
// gives the very CBOR bytes that travel over the socket, so no value is translated on the way.
const file = `surrealdb-node.${process.platform}-${process.arch}-gnu.node`;
const native = new URL(file, import.meta.resolve('@surrealdb/node'));
const { SurrealNodeEngine } = createRequire(import.meta.url)(fileURLToPath(native));
const engine = await SurrealNodeEngine.connect(storage, { capabilities: true });

// A parent that dies, however it dies, closes our stdin: no orphan outlives a test run.
process.stdin.resume().on('end', () => process.exit(0));

// The engine answers with the bare result, a core 3.x also with the one-key map {error: ...} (these 7 bytes first),
// and a core 2.x rejects; the socket wants {id, result} or {id, error}.
const ERROR_MAP = Buffer.from([0xa1, 0x65, ...Buffer.from('error')]);
async function answer(request) {
  let id = null;
  try {
    id = decode(request, { tagged: {} }).id;
    const out = Buffer.from(await engine.execute(request));
    if (out.subarray(0, ERROR_MAP.length).equals(ERROR_MAP)) {
      return encode({ id, error: new Encoded(out.subarray(ERROR_MAP.length)) });
    }
    return encode({ id, result: new Encoded(out) });
  } catch (error) {
    return encode({ id, error: { code: -32000, message: String(error?.message ?? error) } });
  }
}

const server = new WebSocketServer({
  host: '127.0.0.1', // tests only, and there is no sign-in to guard it
  port,
  path: '/rpc',
  maxPayload: 128 * 1024 * 1024, // what `surreal start` allows by default
  handleProtocols: (offered) => (offered.has('cbor') ? 'cbor' : false),
});
server.on('connection', (socket) => {
  socket.on('message', async (request) => socket.send(await answer(request)));
  socket.on('error', () => {}); // an oversized message ends its own socket, not the server
});
server.on('error', (error) => { console.error(error.message); process.exit(1); });
server.on('listening', () => console.log('listening', server.address().port));
