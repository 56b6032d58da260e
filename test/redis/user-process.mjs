// Joins the embedded Redis of the directory that it is given; releases it when its stdin ends.
import { startEmbeddedRedis } from '../../dist/src/redis/embedded.js';

const redis = await startEmbeddedRedis({ dataDir: process.argv[2] });
process.stdout.write(`${JSON.stringify({ joined: true, pid: redis.pid, socketPath: redis.socketPath })}\n`);
process.stdin.resume();
process.stdin.once('end', () => redis.release());
