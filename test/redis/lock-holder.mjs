// Locks the file that it is given, for as long as it lives.
import { lockFile } from '../../dist/src/redis/file-lock.js';

const lock = await lockFile(process.argv[2], 0);
process.stdout.write(`${JSON.stringify({ locked: lock !== undefined })}\n`);
setInterval(() => lock, 60_000);
