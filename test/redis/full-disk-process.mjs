// Fills the disk of a data directory through its Redis, and prints what it is told; then starts another on it.
import { Redis } from 'ioredis';
import { startEmbeddedRedis } from '../../dist/src/redis/embedded.js';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const dataDir = process.argv[2];
const lost = new Promise((resolve) => {
  startEmbeddedRedis({ dataDir, onEvent: (event) => event.kind === 'lost' && resolve(event) }).then(fill);
});

async function fill({ socketPath }) {
  const redis = new Redis(socketPath, { maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => {});
  let acknowledged = 0;
  try {
    for (;;) {
      await redis.set(`key-${acknowledged}`, 'x'.repeat(1_000));
      acknowledged += 1;
    }
  } catch {
    say({ acknowledged });
  }
}

const { cause } = await lost;
say({ cause: { code: cause?.code, message: cause?.message } });
process.exit();
