// Delivers for the configuration file it is given. `poison`: the id of an event whose sending ends the process,
// `when` the request goes out or its answer comes in.
import { subscribe } from 'node:diagnostics_channel';
import { startEngine } from '../../dist/src/app.js';
import { loadConfig } from '../../dist/src/config.js';
import { createLog } from '../../dist/src/log.js';

const { file, socketPath, lock, poison, when } = JSON.parse(process.argv[2]);
const die = () => process.kill(process.pid, 'SIGKILL');
if (when === 'sending')
  subscribe('undici:client:sendHeaders', ({ headers }) => headers.includes(poison) && die());
if (when === 'answered') {
  subscribe('undici:request:headers', ({ request }) => String(request.headers).includes(poison) && die());
}

const log = createLog({ level: 'debug', destination: process.stdout });
const engine = await startEngine({ config: loadConfig(file), redis: { socketPath }, log, lock });
process.once('SIGTERM', () => engine.stop(1_000));
