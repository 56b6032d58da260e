declare module 'bullmq/dist/cjs/version.js' {
  export const version: string;
}

/**
 * BullMQ ships the types of its Lua scripts only beside its other build. A file has one script, and in its name how many
 * keys that takes: all of them together are half a megabyte, which every command would load.
 */
declare module 'bullmq/dist/cjs/scripts/*' {
  export interface LuaScript {
    readonly name: string;
    readonly content: string;
    readonly keys: number;
  }
  export const addStandardJob: LuaScript;
  export const addDelayedJob: LuaScript;
  export const addPrioritizedJob: LuaScript;
  export const moveToActive: LuaScript;
  export const moveStalledJobsToWait: LuaScript;
  export const extendLocks: LuaScript;
}
