import { type BackendFactory, createRedisBackend, type RedisQueueBackend } from 'bullmq';
import { untilWritable } from './until-writable.ts';

/** BullMQ's backend, except that it waits while Redis cannot be written, instead of failing at once. */
export function patientBackend(onError: (error: Error) => void): BackendFactory<RedisQueueBackend> {
  return (name, options, extra) => {
    const backend = createRedisBackend(name, options, extra);
    const execute = backend.execCommand.bind(backend);
    backend.execCommand = (client, command, args) =>
      untilWritable(
        () => execute(client, command, args),
        () => backend.closing !== undefined,
        onError,
      );
    return backend;
  };
}
