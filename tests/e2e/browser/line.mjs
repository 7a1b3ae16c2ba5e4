// A line between two programs that can be cut: what comes in at its address goes on to another one.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

// Resolves to the line; `to` is where it leads, as "host:port".
export async function layLine(to) {
  const [host, port] = to.split(':');
  const sockets = new Set();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(Number(port), host);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const drop = () => sockets.forEach((socket) => socket.destroy());
  return {
    address: `127.0.0.1:${server.address().port}`,
    cut() {
      whole = false;
      drop();
    },
    mend() {
      whole = true;
    },
    async stop() {
      server.close();
      drop();
      await once(server, 'close');
    },
  };
}
