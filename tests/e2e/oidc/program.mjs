// Programs that a test starts: their output is kept, and whatever happens to the test, none outlives it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

const STOPPED_WITHIN = 15_000;

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

// Starts a program. Its lines come in `stdout` and `stderr`, as it writes them.
export function startProgram(command, args, { env, cwd } = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env }, cwd });
  running.add(child);
  const lines = { stdout: [], stderr: [] };
  for (const stream of ['stdout', 'stderr']) {
    createInterface({ input: child[stream] }).on('line', (line) => lines[stream].push(line));
  }
  const exited = once(child, 'close').finally(() => running.delete(child));
  exited.catch(() => {});

  return {
    child,
    ...lines,

    // Ends it as an orchestrator does; resolves to how it ended.
    async stop() {
      child.kill('SIGTERM');
      const ended = within(STOPPED_WITHIN, `${command} stops`, exited).finally(() => child.kill('SIGKILL'));
      const [code, signal] = await ended;
      return { code, signal };
    },

    // Ends it with no warning; one that has ended already is left alone.
    async kill() {
      child.kill('SIGKILL');
      await within(STOPPED_WITHIN, `${command} is killed`, exited);
    },
  };
}

async function within(deadline, what, promise) {
  const abort = new AbortController();
  const late = delay(deadline, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`not within ${deadline} ms: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    abort.abort();
    late.catch(() => {});
  }
}
