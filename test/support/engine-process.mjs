// Delivers for the configuration file it is given. `poison`: the id of an event whose sending ends the process,
// `when` the request goes out or its answer comes in.
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const { file, socketPath, lock, poison, when } = JSON.parse(process.argv[2]);
const die = () => process.kill(process.pid, 'SIGKILL');
const connect = net.connect;

/** Ends the process as soon as the poison is written, or read from where it was written to. */
function poisoned(options) {
  let swallowed = false;
  const { buffer, callback } = options.onread;
  const onread = { buffer, callback: (...read) => (swallowed && die()) || callback(...read) };
  const socket = connect({ ...options, onread });
  const write = socket.write.bind(socket);
  socket.write = (bytes, ...rest) => {
    if (String(bytes).includes(poison)) {
      if (when === 'sending') die();
      swallowed = true;
    }
    return write(bytes, ...rest);
  };
  return socket;
}

if (poison !== undefined) {
  net.connect = (options) => (options.onread === undefined ? connect(options) : poisoned(options));
  syncBuiltinESMExports();
}

// Not before: they take `connect` as it is by then.
const { startEngine } = await import('../../dist/src/service/engine.js');
const { loadConfig } = await import('../../dist/src/config/load-config.js');
const { createLog } = await import('../../dist/src/log.js');

const log = createLog({ level: 'debug', destination: process.stdout });
const engine = await startEngine({ config: loadConfig(file), redis: { socketPath }, log, lock });
process.once('SIGTERM', () => engine.stop(1_000));
